//! The key schedule against values that were worked out elsewhere, so that nobody changes the wire unseen.

use rand_core::{CryptoRng, RngCore};

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Random numbers that are none.
struct Fixed(u8);

impl RngCore for Fixed {
    fn next_u32(&mut self) -> u32 {
        u32::from_ne_bytes([self.0; 4])
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_ne_bytes([self.0; 8])
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Fixed {}

/// What docs/security.md says of one of the values that it works out: by Brian Warner's `spake2` for Python and
/// HKDF written out with Python's `hmac`.
fn on_the_page(value: &str) -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/security.md");
    let page = std::fs::read_to_string(page).unwrap();
    let line = |line: &str| {
        let said = line.trim().strip_prefix(value)?.trim();
        let is_hex = said.len() >= 64 && said.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex.then(|| said.to_string())
    };
    page.lines().find_map(line).unwrap_or_else(|| panic!("{value} is not on the page"))
}

#[test]
fn messages_key_and_proofs_are_what_they_were() {
    let (password, a, b) =
        (Password::new(b"417-blaze-otter-quilt"), Identity::new(SENDER), Identity::new(RECEIVER));
    let (sender, x) = Spake2::<Ed25519Group>::start_a_with_rng(&password, &a, &b, Fixed(0x11));
    let (receiver, y) = Spake2::<Ed25519Group>::start_b_with_rng(&password, &a, &b, Fixed(0x22));
    let (x, y): ([u8; SHARE], [u8; SHARE]) = (x.try_into().unwrap(), y.try_into().unwrap());
    let shared = Ed25519(sender).finish(&y).unwrap();
    assert_eq!(Ed25519(receiver).finish(&x), Some(shared));
    let proofs = Proofs::of(&shared, &x, &y, &[0x33; 32]);
    assert_eq!(hex(&x), on_the_page("41 X"));
    assert_eq!(hex(&y), on_the_page("42 Y"));
    assert_eq!(hex(&shared), on_the_page("shared"));
    assert_eq!(hex(&proofs.senders()), on_the_page("sender's proof"));
    assert_eq!(hex(&proofs.receivers()), on_the_page("receiver's proof"));
}

#[test]
fn a_proof_holds_for_one_side_of_one_connection_and_one_key() {
    let (shared, x, y, exporter) = ([1; 32], [b'A'; SHARE], [b'B'; SHARE], [4; 32]);
    let proofs = Proofs::of(&shared, &x, &y, &exporter);
    let (senders, receivers) = (proofs.senders(), proofs.receivers());
    assert!(proofs.is_senders(&senders) && proofs.is_receivers(&receivers));
    assert!(!proofs.is_senders(&receivers) && !proofs.is_receivers(&senders));
    let changed = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let others = (0..32)
        .map(|at| Proofs::of(&changed(&shared, at).try_into().unwrap(), &x, &y, &exporter))
        .chain(
            (0..32)
                .map(|at| Proofs::of(&shared, &x, &y, &changed(&exporter, at).try_into().unwrap())),
        )
        .chain(
            (0..SHARE)
                .map(|at| Proofs::of(&shared, &changed(&x, at).try_into().unwrap(), &y, &exporter)),
        )
        .chain(
            (0..SHARE)
                .map(|at| Proofs::of(&shared, &x, &changed(&y, at).try_into().unwrap(), &exporter)),
        )
        .chain([Proofs::of(&shared, &y, &x, &exporter)]);
    for other in others {
        assert!(!other.is_senders(&senders) && !other.is_receivers(&receivers));
    }
    for at in 0..32 {
        assert!(!proofs.is_senders(&changed(&senders, at).try_into().unwrap()), "byte {at}");
    }
}
