//! Numbers that are not whole. The standard library's reading of them is exact as well, with tables of ten kilobytes, which
//! are too much to fetch for three digits.

/// The digits of a number without zeros before the first other one, and the power of ten before which they stand after the
/// point: `-0.0123e4` is 123, times 10^3 after "0.".
fn digits(number: &str) -> (Vec<u8>, i64) {
    let (number, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let mut power: i64 = 0;
    let mut digits = Vec::new();
    let mut after_point = false;
    for byte in number.bytes() {
        match byte {
            b'.' => after_point = true,
            b'0' if digits.is_empty() => power -= i64::from(after_point),
            b'0'..=b'9' => {
                digits.push(byte - b'0');
                power += i64::from(!after_point);
            }
            _ => {}
        }
    }
    let mut tens: i64 = 0;
    for digit in exponent.bytes().filter(u8::is_ascii_digit) {
        tens = (10 * tens + i64::from(digit - b'0')).min(1 << 32);
    }
    (digits, if exponent.starts_with('-') { power - tens } else { power + tens })
}

/// Whether a number, as JSON spells it, lies beyond every double.
pub(super) fn is_beyond_doubles(number: &str) -> bool {
    // What is not under 2^1024 - 2^970 rounds to no double.
    const BEYOND: [u8; 20] = [1, 7, 9, 7, 6, 9, 3, 1, 3, 4, 8, 6, 2, 3, 1, 5, 8, 0, 7, 9];
    let (digits, power) = digits(number);
    !digits.is_empty() && (power > 309 || power == 309 && digits[..] >= BEYOND[..])
}

/// The double nearest to a number, as JSON spells it: see [`Json::decimal`](super::Json::decimal).
pub(super) fn nearest(number: &str) -> f64 {
    let (digits, power) = digits(number);
    let sign = if number.starts_with('-') { -1.0 } else { 1.0 };
    match power {
        _ if digits.is_empty() => return sign * 0.0,
        ..=-2 => return sign * 0.0,
        17.. => return sign * f64::INFINITY,
        _ => {}
    }
    // The whole part as a number, the rest as digits: doubling those gives the number's binary digits one by one.
    let mut rest = digits;
    if power < 0 {
        rest.insert(0, 0);
    }
    let mut mantissa: u64 = 0;
    for _ in 0..power {
        mantissa = 10 * mantissa + u64::from(if rest.is_empty() { 0 } else { rest.remove(0) });
    }
    let mut scale = 1.0;
    // One binary digit more than a double has; 10^16 has no more than that.
    while mantissa < 1 << 53 {
        let mut carry = 0;
        for digit in rest.iter_mut().rev() {
            let double = 2 * *digit + carry;
            (*digit, carry) = (double % 10, double / 10);
        }
        mantissa = 2 * mantissa + u64::from(carry);
        scale /= 2.0;
    }
    // To the nearest, and of two as near to the even one.
    let even = mantissa >> 1;
    let over = mantissa & 1 == 1 && (even & 1 == 1 || rest.iter().any(|digit| *digit != 0));
    sign * (even + u64::from(over)) as f64 * (2.0 * scale)
}
