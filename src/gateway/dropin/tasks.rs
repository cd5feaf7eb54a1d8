//! The vendor's tasks as ours: documents of the law, and questions.

use super::answers::{Zone, fiscal_params};
use crate::gateway::{
    journal::{Row, Trouble},
    task::{Asked, Options, Task, tag_1192},
};
use galley_atol::json::Kopecks;
use galley_atol::json::{
    Fault, Task as VendorTask,
    answer::{
        CashDrawerAnswer, CashDrawerStatus, Counters, DeviceInfo, DeviceInfoAnswer, DeviceStatus,
        DeviceStatusAnswer, FnInfo, FnInfoAnswer, FnStatus, FnStatusAnswer, FnWarnings, Movement,
        OfdAnswer, OfdStatus, ReceiptTotals, RegisteredDevice, RegisteredOfd,
        RegisteredOrganization, RegistrationAnswer, ShiftStatus, ShiftStatusAnswer,
        ShiftTotalsAnswer, Totals,
    },
    task_slip, to_document, words,
};
use galley_fiscal::{
    DriveInfo, Ffd, FiscalError, FiscalPrinter, ReceiptKind, ShiftState, ShiftTotals, TaxSystem,
};
use serde_json::{Value, json};

/// A task that registers nothing: a question, or paper.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gateway) struct Query {
    task: VendorTask,
    zone: Zone,
}

/// Reads the task of a row. `tax_system` is the till's, for receipts that name none.
pub(in crate::gateway) fn read(
    row: &Row,
    tax_system: TaxSystem,
    zone: &Zone,
) -> Result<Asked, Trouble> {
    let bad = |code: &str, text: String| {
        Trouble::new(code, text, "Correct the task and ask under a new uuid.")
    };
    let kind = row.request["type"].as_str().unwrap_or_default().to_owned();
    let task: VendorTask = serde_json::from_value(row.request.clone()).map_err(|e| {
        // A type that exists at the vendor and not here is told from one that is written wrongly.
        let unknown = e.to_string().starts_with("unknown variant");
        let code = if unknown { "not_supported" } else { "bad_task" };
        bad(code, format!("{kind}: {e}"))
    })?;
    let fiscal = task.is_fiscal();
    let task = if fiscal {
        let key = tag_1192(&row.key);
        let taken = to_document(&task, Some(&key), Some(tax_system))
            // The task has a tag 1192 of its own.
            .or_else(|e| to_document(&task, None, Some(tax_system)).map_err(|_| e))
            .map_err(|e| match e {
                Fault::NotServed(_) | Fault::NoDocument(_) => bad("not_supported", e.to_string()),
                Fault::Missing(_) | Fault::Wrong { .. } => bad("bad_task", e.to_string()),
            })?;
        if !taken.dropped.is_empty() {
            tracing::debug!(
                key = row.key,
                dropped = taken.dropped.join(", "),
                "what only paper would show is left out"
            );
        }
        Task::Fiscal(Box::new(taken.document))
    } else {
        Task::Vendor(Box::new(Query::new(task, zone.clone())))
    };
    Ok(Asked {
        device: None,
        options: Options::default(),
        task,
    })
}

impl Query {
    pub(super) fn new(task: VendorTask, zone: Zone) -> Self {
        Self { task, zone }
    }

    /// Asks the printer, and answers as the vendor's driver would.
    pub(in crate::gateway) async fn answer(
        &self,
        p: &mut dyn FiscalPrinter,
    ) -> Result<Value, FiscalError> {
        Ok(match &self.task {
            VendorTask::ReportX(_) => done(p.x_report().await?),
            VendorTask::PrintLastReceiptCopy(_) => done(p.copy_last().await?),
            VendorTask::ContinuePrint => done(p.continue_print().await?),
            VendorTask::OpenCashDrawer => done(p.open_drawer().await?),
            VendorTask::NonFiscal(task) => done(p.slip(&task_slip(task).0).await?),
            VendorTask::SetDateTime(at) => {
                let iso = at.date_time.replace('.', "-").replace(' ', "T");
                done(p.set_clock(&iso).await?)
            }
            VendorTask::GetDeviceStatus => {
                let status = p.status().await?;
                let present = !status.drive_number.is_empty();
                json!(DeviceStatusAnswer {
                    device_status: DeviceStatus {
                        blocked: false,
                        cash_drawer_opened: false,
                        cover_opened: !status.cover_closed,
                        current_date_time: self.zone.time(&status.local_time),
                        fiscal: present,
                        fn_fiscal: present,
                        fn_present: present,
                        paper_present: status.paper,
                        shift: shift_word(status.shift).to_owned(),
                    }
                })
            }
            VendorTask::GetShiftStatus => {
                let status = p.status().await?;
                json!(ShiftStatusAnswer {
                    shift_status: ShiftStatus {
                        // No make but the vendor's tells it.
                        expired_time: String::new(),
                        number: status.shift_number,
                        state: shift_word(status.shift).to_owned(),
                        documents_count: None,
                    }
                })
            }
            VendorTask::GetDeviceInfo => {
                let columns = u16::try_from(p.columns()).unwrap_or(0);
                let info = p.info();
                json!(DeviceInfoAnswer {
                    device_info: DeviceInfo {
                        configuration_version: info.firmware.clone(),
                        ffd_version: ffd(info.capabilities.ffd).to_owned(),
                        firmware_version: info.firmware.clone(),
                        fn_ffd_version: ffd(info.capabilities.ffd).to_owned(),
                        model: 0,
                        model_name: info.model.clone(),
                        receipt_line_length: columns,
                        receipt_line_length_pix: columns.saturating_mul(12),
                        serial: info.serial.clone(),
                    }
                })
            }
            VendorTask::GetFnInfo => {
                let version = ffd(p.info().capabilities.ffd).to_owned();
                let drive = p.drive().await?;
                json!(FnInfoAnswer {
                    fn_info: FnInfo {
                        ffd_version: version.clone(),
                        fn_ffd_version: version,
                        live_phase: "fiscalMode".to_owned(),
                        number_of_registrations: 0,
                        registrations_remaining: drive.registrations_left.unwrap_or(0),
                        serial: drive.number.clone(),
                        validity_date: drive
                            .valid_until
                            .as_ref()
                            .map(|day| self.zone.time(&format!("{day}T00:00:00")))
                            .unwrap_or_default(),
                        warnings: warnings(&drive),
                    }
                })
            }
            VendorTask::GetFnStatus => {
                let baseline = p.baseline().await?;
                // Not every driver tells what ails the drive; its counter is what matters.
                let drive = p.drive().await.unwrap_or_default();
                json!(FnStatusAnswer {
                    fn_status: FnStatus {
                        fiscal_document_number: baseline.last_document,
                        fiscal_receipt_number: 0,
                        warnings: warnings(&drive),
                    }
                })
            }
            VendorTask::GetLastFiscalParams => match p.last_document().await? {
                Some(record) => json!(fiscal_params(&record, &self.zone)),
                None => json!({}),
            },
            VendorTask::OfdExchangeStatus => {
                let status = p.status().await?;
                json!(OfdAnswer {
                    errors: json!({}),
                    status: OfdStatus {
                        not_sent_count: status.unsent_documents.unwrap_or(0),
                        not_sent_first_doc_date_time: status
                            .oldest_unsent
                            .as_ref()
                            .map(|day| self.zone.time(&format!("{day}T00:00:00")))
                            .unwrap_or_default(),
                        not_sent_first_doc_number: 0,
                    },
                })
            }
            VendorTask::GetShiftTotals => json!(ShiftTotalsAnswer {
                shift_totals: totals(&p.totals().await?),
            }),
            VendorTask::GetCashDrawerStatus => json!(CashDrawerAnswer {
                cash_drawer_status: CashDrawerStatus::default(),
                counters: Counters {
                    cash_sum: Kopecks(p.totals().await?.cash.drawer_minor),
                },
            }),
            VendorTask::GetRegistrationInfo => {
                let version = ffd(p.info().capabilities.ffd).to_owned();
                let r = p.registration().await?;
                let address = r.address.clone().unwrap_or_default();
                json!(RegistrationAnswer {
                    device: RegisteredDevice {
                        auto_mode: r.automatic,
                        ffd_version: version,
                        payments_address: address.clone(),
                        registration_number: r.registration_number.clone(),
                        ..RegisteredDevice::default()
                    },
                    ofd: RegisteredOfd {
                        name: r.ofd.clone().unwrap_or_default(),
                        ..RegisteredOfd::default()
                    },
                    organization: RegisteredOrganization {
                        address,
                        name: r.organisation.clone().unwrap_or_default(),
                        taxation_types: r
                            .tax_systems
                            .iter()
                            .map(|t| words::tax_system_word(*t).to_owned())
                            .collect(),
                        vatin: r.inn.clone(),
                        ..RegisteredOrganization::default()
                    },
                })
            }
            other => {
                return Err(FiscalError::Unsupported(format!(
                    "{} is not supported",
                    other.name()
                )));
            }
        })
    }
}

fn done((): ()) -> Value {
    json!({})
}

fn shift_word(shift: ShiftState) -> &'static str {
    match shift {
        ShiftState::Closed => "closed",
        ShiftState::Open => "opened",
        ShiftState::Expired => "expired",
    }
}

fn ffd(version: Ffd) -> &'static str {
    match version {
        Ffd::V105 => "1.05",
        Ffd::V11 => "1.1",
        Ffd::V12 => "1.2",
    }
}

fn warnings(drive: &DriveInfo) -> FnWarnings {
    FnWarnings {
        critical_error: drive.critical,
        memory_overflow: drive.memory_nearly_full,
        need_replacement: drive.replace_urgently,
        ofd_timeout: drive.ofd_overdue,
        resource_exhausted: drive.resource_ends,
    }
}

fn totals(totals: &ShiftTotals) -> Totals {
    let name = |kind| match kind {
        ReceiptKind::Sale => "sell",
        ReceiptKind::SaleReturn => "sellReturn",
        ReceiptKind::Purchase => "buy",
        ReceiptKind::PurchaseReturn => "buyReturn",
    };
    let moved = |count, sum| Movement {
        count: Some(count),
        sum: Some(Kopecks(sum)),
    };
    Totals {
        shift_number: Some(totals.shift_number),
        receipts: ReceiptKind::ALL
            .iter()
            .map(|kind| {
                let of = totals.of(*kind);
                let payments = of
                    .tenders
                    .iter()
                    .map(|(form, sum)| (words::tender_word(*form).to_owned(), Kopecks(*sum)));
                let sums = ReceiptTotals {
                    count: Some(of.count),
                    sum: Kopecks(of.sum_minor),
                    payments: payments.collect(),
                };
                (name(*kind).to_owned(), sums)
            })
            .collect(),
        income: moved(totals.cash.ins, totals.cash.in_minor),
        outcome: moved(totals.cash.outs, totals.cash.out_minor),
        cash_drawer: Movement {
            count: None,
            sum: Some(Kopecks(totals.cash.drawer_minor)),
        },
    }
}
