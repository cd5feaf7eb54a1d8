//! The bytes of ESC/POS that are used here. All of it \[memory\] of Epson's public command reference; clones follow it.

use galley_fiscal::Align;

/// `ESC @`: forget all settings.
pub const INITIALIZE: [u8; 2] = [0x1b, 0x40];
/// End of a line.
pub const LINE_FEED: u8 = 0x0a;
/// `GS V 66 0`: feed to the knife and cut.
pub const CUT: [u8; 4] = [0x1d, 0x56, 0x42, 0x00];
/// `ESC p 0 25 250`: pulse to the drawer, 50 ms on, 500 ms off.
pub const DRAWER: [u8; 5] = [0x1b, 0x70, 0x00, 0x19, 0xfa];
/// `DLE EOT 2`: why are you offline?
pub const ASK_OFFLINE: [u8; 3] = [0x10, 0x04, 0x02];
/// `DLE EOT 4`: is there paper?
pub const ASK_PAPER: [u8; 3] = [0x10, 0x04, 0x04];
/// In every answer to `DLE EOT`: bits 1 and 4 set, bits 0 and 7 clear.
pub const ANSWER_MASK: u8 = 0b1001_0011;
/// What is under [`ANSWER_MASK`].
pub const ANSWER: u8 = 0b0001_0010;
/// In the answer to [`ASK_OFFLINE`]: the cover is open.
pub const COVER_OPEN: u8 = 0x04;
/// In the answer to [`ASK_PAPER`]: the roll has ended.
pub const PAPER_END: u8 = 0x60;
/// Longest text of a QR code that is sent; the largest code takes more, but nobody's phone reads it.
pub const MAX_QR: usize = 500;

/// `ESC t n`: which code page.
#[must_use]
pub fn code_page(n: u8) -> [u8; 3] {
    [0x1b, 0x74, n]
}

/// `ESC a n`: where in the line.
#[must_use]
pub fn align(align: Align) -> [u8; 3] {
    let n = match align {
        Align::Left => 0,
        Align::Center => 1,
        Align::Right => 2,
    };
    [0x1b, 0x61, n]
}

/// `GS ! n`: size of characters; twice as wide or not.
#[must_use]
pub fn size(wide: bool) -> [u8; 3] {
    [0x1d, 0x21, if wide { 0x10 } else { 0x00 }]
}

/// `GS ( k`: a QR code of model 2, correction M, `scale` dots a module (1 to 16).
#[must_use]
pub fn qr(data: &[u8], scale: u8) -> Vec<u8> {
    let data = &data[..data.len().min(MAX_QR)];
    let [low, high] = u16::try_from(data.len() + 3)
        .unwrap_or(u16::MAX)
        .to_le_bytes();
    let mut out = vec![0x1d, 0x28, 0x6b, 0x04, 0x00, 0x31, 0x41, 0x32, 0x00];
    out.extend([0x1d, 0x28, 0x6b, 0x03, 0x00, 0x31, 0x43, scale.clamp(1, 16)]);
    out.extend([0x1d, 0x28, 0x6b, 0x03, 0x00, 0x31, 0x45, 0x31]);
    out.extend([0x1d, 0x28, 0x6b, low, high, 0x31, 0x50, 0x30]);
    out.extend(data);
    out.extend([0x1d, 0x28, 0x6b, 0x03, 0x00, 0x31, 0x51, 0x30]);
    out
}
