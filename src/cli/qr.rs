//! QR codes for people with a phone in their hand: on a terminal, or as a drawing in a file.

use super::output::colours;
use anyhow::Context as _;
use fast_qr::{
    QRBuilder, QRCode,
    convert::{Builder as _, Shape, svg::SvgBuilder},
};
use std::path::Path;

/// Light modules around a code, so that cameras find it (ISO/IEC 18004 asks for four).
const QUIET: usize = 4;

fn code(text: &str) -> anyhow::Result<QRCode> {
    QRBuilder::new(text)
        .build()
        .map_err(|e| anyhow::anyhow!("the QR code can't be drawn: {e:?}"))
}

/// For a terminal: two modules in one character. Light is drawn and dark is left out, as most terminals are dark; where
/// there are colours, both are given.
///
/// # Errors
/// When the text is too long for a code.
pub fn terminal(text: &str) -> anyhow::Result<String> {
    Ok(drawn(&code(text)?, colours()))
}

fn drawn(code: &QRCode, coloured: bool) -> String {
    let side = code.size + 2 * QUIET;
    let light = |x: usize, y: usize| {
        let inside = |n: usize| n.checked_sub(QUIET).filter(|n| *n < code.size);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => !code[y][x].value(),
            _ => true,
        }
    };
    let mut text = String::new();
    for y in (0..side).step_by(2) {
        if coloured {
            text.push_str("\x1b[97;40m");
        }
        for x in 0..side {
            text.push(match (light(x, y), y + 1 < side && light(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        if coloured {
            text.push_str("\x1b[0m");
        }
        text.push('\n');
    }
    text
}

/// Into a file, as SVG.
///
/// # Errors
/// When it can't be written.
pub fn to_file(text: &str, file: &Path) -> anyhow::Result<()> {
    let svg = SvgBuilder::default()
        .shape(Shape::Square)
        .to_str(&code(text)?);
    std::fs::write(file, svg).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_on_a_terminal_is_a_square_with_a_light_margin_and_three_dark_corners() {
        let code = code("https://192.168.1.5:8443/kiosk/").unwrap();
        let text = drawn(&code, false);
        let rows: Vec<Vec<char>> = text.lines().map(|l| l.chars().collect()).collect();
        let side = code.size + 2 * QUIET;
        assert_eq!(rows.len(), side.div_ceil(2));
        assert!(rows.iter().all(|r| r.len() == side));
        assert!(rows[0].iter().chain(&rows[1]).all(|c| *c == '█'));
        // The corner of a finder pattern: dark above, and a dark frame with a light ring below it.
        assert_eq!(rows[2][4], ' ');
        assert_eq!(rows[2][5], '▄');
        assert_eq!(rows[2][side - 5], ' ');
    }
}
