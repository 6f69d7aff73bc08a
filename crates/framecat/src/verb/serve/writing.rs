//! What the flags let others do besides reading.

use framecat_net::http::Site;
use framecat_proto::http::plan::Rights;
use framecat_proto::quantity::print_size;

use crate::flags::serve::Writing;
use crate::plan::{Explained, Mistake};

/// Gives others the rights that the flags say.
pub fn allow(flags: &Writing, site: &mut Site) -> Result<(), Mistake> {
    let Writing { upload, drop, full, rename, max_upload, durable } = *flags;
    let wrong = |problem: &str, remedy: &str| {
        Err(Mistake { problem: problem.into(), remedy: remedy.into() })
    };
    let brings = upload || drop || full;
    if drop && (upload || full) {
        return wrong(
            "--drop lets others read nothing, and --upload and --full let them read",
            "leave one of them out",
        );
    }
    if upload && full {
        return wrong("--full is more than --upload, and both are given", "leave one of them out");
    }
    if drop && rename {
        return wrong("--drop numbers a taken name by itself", "leave --rename out");
    }
    if full && rename {
        return wrong(
            "--full replaces a file whose name is taken, and --rename gives the new one a number",
            "leave --rename out, or write --upload in place of --full",
        );
    }
    let needless =
        [(rename, "--rename"), (max_upload.is_some(), "--max-upload"), (durable, "--durable")];
    if let Some((_, option)) = needless.iter().find(|(given, _)| *given && !brings) {
        let problem = format!("{option} is about files that others bring, and none may");
        let remedy = match rename {
            true => "write --upload as well",
            false => "write --upload, --drop or --full as well",
        };
        return Err(Mistake { problem, remedy: remedy.into() });
    }
    if brings {
        site.policy.rights = match (drop, full) {
            (true, _) => Rights::DROP,
            (_, true) => Rights::FULL,
            _ => Rights::UPLOAD,
        };
        // What is in the folder is no longer its owner's alone.
        site.policy.sandbox = true;
    }
    site.policy.numbers = rename || drop;
    site.policy.max_upload = max_upload.unwrap_or(site.policy.max_upload);
    site.durable = durable;
    Ok(())
}

/// Says what they can do.
pub fn explain(site: &Site, explained: &mut Explained) {
    let rights = site.policy.rights;
    explained.fact(
        "others can",
        match (rights.upload, rights.replace) {
            (false, _) => "read",
            (true, _) if !rights.read => "bring files, and see nothing of what is there",
            (true, false) => "read, bring new files and make folders",
            (true, true) => "read, bring, replace, rename and delete files and folders",
        },
    );
    if rights.upload {
        explained.fact(
            "a taken name",
            match (site.policy.numbers, rights.replace) {
                (true, _) => "gets a number",
                (false, true) => "is replaced, once all of the new file is there",
                (false, false) => "is refused (409)",
            },
        );
        explained.fact("largest file", print_size(site.policy.max_upload));
    }
}
