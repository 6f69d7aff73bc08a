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

/// What the same comes to with Brian Warner's `spake2` for Python, version 0.9, and HKDF written out with
/// Python's `hmac`; the scalars are 64 bytes of 11 and of 22, taken modulo the group's order.
const VECTORS: [&str; 5] = [
    "416a387f9958112714db63fffa6eb4ece5a59e99f0c6256eeb353ab4317dc3ff40",
    "429c5d9131f842dfa1fd93f968128c680e9b63bee423ec3a2a29e6c63b6987d742",
    "8f290e16599be942e2a6edfaaa2ed54c95b709414620a19f9a77d8c986078489",
    "17e232033b33000c80992bc4bf089ba9b0df72e9a6212eb3f6ef3ab4fa16effd",
    "f06a82e5c70386971c93dd60999a7c173a1690c24a780815adb44fb2122b7866",
];

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
    let found = [hex(&x), hex(&y), hex(&shared), hex(&proofs.senders()), hex(&proofs.receivers())];
    assert_eq!(found, VECTORS);
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
