//! Who may ask: from flags to the passwords of a site, and `serve --hash`.

use framecat_net::http::{Account, Passwords, hash_password, make_password};
use framecat_proto::http::auth::users;
use framecat_proto::limits::AUTH_FILE_BYTES;
use rustix::io::Errno;

use crate::flags::auth::AuthArgs;
use crate::password;
use crate::plan::{Explained, Mistake};

/// Who may ask; `None`: everybody. `explains`: nothing is made, for nothing is done.
pub fn plan(args: &AuthArgs, explains: bool) -> Result<Option<Passwords>, Mistake> {
    let mut accounts = Vec::new();
    let mut made = None;
    if let Some(user) = &args.auth {
        let password = match password::left(args.password_file.as_deref())? {
            Some(password) => password,
            None if explains => String::new(),
            None => made.insert(make_password().map_err(no_chance)?).clone(),
        };
        accounts.push(Account::known(user, password));
    }
    if let Some(path) = &args.auth_file {
        let what = format!("--auth-file {}", path.display());
        let bytes = password::read(path, &what, AUTH_FILE_BYTES)?;
        let users = users(&bytes).map_err(|wrong| Mistake {
            problem: format!("{what}: {wrong}"),
            remedy: "a line is USER:HASH, and framecat serve --hash --auth USER makes one".into(),
        })?;
        if let Some((user, _)) = users.iter().find(|(user, _)| Some(user) == args.auth.as_ref()) {
            return Err(Mistake {
                problem: format!("{user} has a password in --auth-file, too"),
                remedy: "leave --auth out, or name another user".into(),
            });
        }
        accounts.extend(users.into_iter().map(|(user, hash)| Account::hashed(user, hash)));
    }
    if accounts.is_empty() {
        return match args.open_read {
            false => Ok(None),
            true => Err(Mistake {
                problem: "--open-read lets read without a password, and none is asked for".into(),
                remedy: "--auth USER, or --auth-file FILE".into(),
            }),
        };
    }
    Ok(Some(Passwords { accounts, open_read: args.open_read, made }))
}

fn no_chance(errno: Errno) -> Mistake {
    Mistake {
        problem: format!("the kernel gives no chance to make a password of: {errno}"),
        remedy: "try again".into(),
    }
}

/// For `--explain`.
pub fn explain(args: &AuthArgs, passwords: Option<&Passwords>, explained: &mut Explained) {
    let Some(passwords) = passwords else {
        explained.fact("passwords", "none is asked for");
        return;
    };
    let mut whose = Vec::new();
    if let Some(user) = &args.auth {
        let from = match (&args.password_file, std::env::var_os(password::VARIABLE)) {
            (Some(path), _) => format!("that of {}", path.display()),
            (None, Some(_)) => format!("that of {}", password::VARIABLE),
            (None, None) => "one that is made".into(),
        };
        whose.push(format!("{user} has {from}"));
    }
    if let Some(path) = &args.auth_file {
        let users = passwords.accounts.len() - usize::from(args.auth.is_some());
        let plural = if users == 1 { "" } else { "s" };
        whose.push(format!("{users} user{plural} of {}", path.display()));
    }
    if passwords.open_read {
        whose.push("whoever reads needs none".into());
    }
    explained.fact("passwords", whose.join("; "));
}

/// `framecat serve --hash`: what is to be printed.
pub fn hash(args: &AuthArgs) -> Result<String, Mistake> {
    let password = password::new()?;
    let hash = hash_password(password.as_bytes()).map_err(|errno| Mistake {
        problem: format!("the hash cannot be made: {errno}"),
        remedy: "it takes 19 MiB of memory; try again".into(),
    })?;
    Ok(match &args.auth {
        Some(user) => format!("{user}:{hash}\n"),
        None => format!("{hash}\n"),
    })
}
