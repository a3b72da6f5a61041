//! G.711 (ITU-T G.711): a byte is a sample, looked up in a table.

/// 16-bit samples of µ-law bytes.
pub(super) static MU_LAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = mu_law(byte as u8);
        byte += 1;
    }
    table
};

/// 16-bit samples of A-law bytes.
pub(super) static A_LAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = a_law(byte as u8);
        byte += 1;
    }
    table
};

/// All bits inverted: sign, 3 bits of exponent, 4 of mantissa, bias 33 (of 14-bit samples).
const fn mu_law(byte: u8) -> i16 {
    let bits = !byte;
    let exponent = (bits >> 4) & 7;
    let magnitude = ((((bits & 15) as i16) << 3) + 132) << exponent;
    let value = magnitude - 132;
    if bits & 0x80 != 0 { -value } else { value }
}

/// Every other bit inverted: sign (set: positive), 3 bits of exponent, 4 of mantissa.
const fn a_law(byte: u8) -> i16 {
    let bits = byte ^ 0x55;
    let exponent = (bits >> 4) & 7;
    let mantissa = ((bits & 15) as i16) << 4;
    let value = match exponent {
        0 => mantissa + 8,
        _ => (mantissa + 0x108) << (exponent - 1),
    };
    if bits & 0x80 != 0 { value } else { -value }
}
