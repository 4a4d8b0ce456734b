use super::*;

fn nik(text: &str) -> Nik {
    Nik::parse(text).unwrap()
}

/// RFC 9106, section 5.3, whose secret and associated data the protocol does not use: here for the primitive itself.
#[test]
fn rfc9106_argon2id() {
    let params = argon2::ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
        .output_len(32)
        .build()
        .unwrap();
    let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
    let mut tag = [0u8; 32];
    argon2.hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();
    assert_eq!(crate::encoding::hex(&tag), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
}

#[test]
fn the_memory_used_again_gives_the_same_value() {
    let mut used = Stretcher::new(StretchCost::WEAK, [1; 32]).unwrap();
    let first = used.stretch(&nik("3171011708900001")).unwrap();
    used.stretch(&nik("3171015708900001")).unwrap();
    assert_eq!(used.stretch(&nik("3171.01.170890.0001")).unwrap(), first);
    let other_salt = Stretcher::new(StretchCost::WEAK, [2; 32]).unwrap().stretch(&nik("3171011708900001")).unwrap();
    assert_ne!(other_salt, first);
    assert_eq!(format!("{first:?}"), "Stretched(REDACTED)");
}

#[test]
fn costs_have_bounds() {
    let cost = |memory_kib, passes, weak| StretchCost { memory_kib, passes, weak }.check().is_ok();
    assert!(StretchCost::default().check().is_ok() && StretchCost::WEAK.check().is_ok());
    assert!(cost(19_456, 2, false) && cost(47_104, 1, false) && cost(262_144, 16, false));
    assert!(!cost(19_456, 1, false) && cost(19_456, 1, true));
    assert!(!cost(19_455, 3, false) && cost(19_455, 3, true));
    assert!(!cost(262_145, 2, false) && !cost(262_145, 2, true));
    assert!(!cost(19_456, 17, false) && !cost(7, 1, true) && !cost(19_456, 0, true));
}
