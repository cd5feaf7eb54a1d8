//! Slips, both ways.

use super::{BarcodeItem, NonFiscalTask, PaperItem, TextItem};
use galley_fiscal::{Align, Slip, SlipItem};

/// The task that prints a slip on paper of so many columns.
///
/// The vendor has no task for a cut; a slip that is to be cut gets the footer, which cuts where the printer can (2.3,
/// command 73).
#[must_use]
pub fn slip_task(slip: &Slip, columns: usize) -> NonFiscalTask {
    let mut items = Vec::new();
    for item in &slip.items {
        match item {
            SlipItem::Text { text, align, wide } => items.push(PaperItem::Text(TextItem {
                text: text.clone(),
                alignment: Some(align_word(*align).to_owned()),
                wrap: Some("words".to_owned()),
                double_width: wide.then_some(true),
                ..TextItem::default()
            })),
            SlipItem::Qr { data, scale, align } => items.push(PaperItem::Barcode(BarcodeItem {
                barcode: data.clone(),
                barcode_type: "QR".to_owned(),
                alignment: Some(align_word(*align).to_owned()),
                scale: Some(*scale),
            })),
            // Laid out on our side, in lines that fit.
            other => {
                let one = Slip {
                    items: vec![other.clone()],
                    cut: false,
                };
                items.extend(one.text_lines(columns).into_iter().map(|text| {
                    PaperItem::Text(TextItem {
                        text,
                        ..TextItem::default()
                    })
                }));
            }
        }
    }
    NonFiscalTask {
        items,
        print_footer: Some(slip.cut),
    }
}

/// The slip of a task. What a slip doesn't know (other bar codes than QR, pictures) is left out and counted.
#[must_use]
pub fn task_slip(task: &NonFiscalTask) -> (Slip, usize) {
    let mut left_out = 0;
    let mut items = Vec::new();
    for item in &task.items {
        match item {
            PaperItem::Text(t) if t.text.is_empty() => items.push(SlipItem::Feed { lines: 1 }),
            PaperItem::Text(t) => items.push(SlipItem::Text {
                text: t.text.clone(),
                align: align_of(t.alignment.as_deref()),
                wide: t.double_width == Some(true),
            }),
            PaperItem::Barcode(b) if b.barcode_type == "QR" => items.push(SlipItem::Qr {
                data: b.barcode.clone(),
                scale: b.scale.unwrap_or(4),
                align: align_of(b.alignment.as_deref()),
            }),
            _ => left_out += 1,
        }
    }
    let slip = Slip {
        items,
        cut: task.print_footer != Some(false),
    };
    (slip, left_out)
}

fn align_word(align: Align) -> &'static str {
    match align {
        Align::Left => "left",
        Align::Center => "center",
        Align::Right => "right",
    }
}

fn align_of(word: Option<&str>) -> Align {
    match word {
        Some("center") => Align::Center,
        Some("right") => Align::Right,
        _ => Align::Left,
    }
}
