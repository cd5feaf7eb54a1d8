//! The vendor's tasks as ours: documents of the law, and questions.

use super::{
    answers::{Zone, fiscal_params, fn_document},
    codes,
    marks::{Marks, Step},
    tags,
};
use crate::gateway::{
    journal::{Row, Trouble},
    task::{Asked, Options, Task, not_to_come, tag_1192},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use galley_atol::json::Kopecks;
use galley_atol::json::{
    Fault, FnDocumentTask, ImcParams, Task as VendorTask,
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
use serde::Deserialize;
use serde_json::{Value, json};

/// Tasks that the vendor's driver knows and this face does not carry out: setup that can't be taken back, and what no
/// document can say. They end with code 11; a word that the vendor does not know either, with 501. [source: atol.md 3.2]
const NOT_HERE: &[&str] = &[
    "addMarksToBuffer",
    "changeRegistrationParameters",
    "checkImcTime",
    "checkImcWorkState",
    "closeArchive",
    "flashFirmware",
    "fnChange",
    "getDepartmentSum",
    "getLicenses",
    "getMcu",
    "getOverallTotals",
    "getParametersLayout",
    "getStepResource",
    "ismExchangeStatus",
    "lineFeed",
    "pingIsm",
    "printDocumentsFromJournal",
    "registration",
    "reportDepartments",
    "reportFnRegistrations",
    "reportInfo",
    "reportOfdConnectionStatus",
    "reportOfdExchangeStatus",
    "reportTestPrint",
    "softLockInit",
    "softLockQuerySessionCode",
    "softLockValidate",
    "uploadPictureCliche",
    "writeDeviceLicense",
];

/// A task that registers nothing: a question, or paper.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gateway) struct Query {
    what: What,
    zone: Zone,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Task(Box<VendorTask>),
    Mark(Step),
    /// The device's own parameters, by the vendor's numbers, and what to set them to.
    Parameters(Vec<(u32, Option<Value>)>),
}

/// Tasks that only this face takes: our driver of the vendor's server does not send them.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum FaceTask {
    ValidateMarks {
        params: Vec<ImcParams>,
    },
    CheckMarkingCodeValidationsReady,
    GetDeviceParameters {
        keys: Vec<u32>,
    },
    #[serde(rename_all = "camelCase")]
    SetDeviceParameters {
        device_parameters: Vec<Parameter>,
    },
}

#[derive(Debug, Deserialize)]
struct Parameter {
    key: u32,
    value: Value,
}

impl From<FaceTask> for What {
    fn from(task: FaceTask) -> Self {
        match task {
            FaceTask::ValidateMarks { params } => Self::Mark(Step::Validate(params)),
            FaceTask::CheckMarkingCodeValidationsReady => Self::Mark(Step::Ready),
            FaceTask::GetDeviceParameters { keys } => {
                Self::Parameters(keys.into_iter().map(|key| (key, None)).collect())
            }
            FaceTask::SetDeviceParameters { device_parameters } => Self::Parameters(
                device_parameters
                    .into_iter()
                    .map(|p| (p.key, Some(p.value)))
                    .collect(),
            ),
        }
    }
}

impl From<VendorTask> for What {
    fn from(task: VendorTask) -> Self {
        match task {
            VendorTask::BeginMarkingCodeValidation(begin) => {
                Self::Mark(Step::Begin(Box::new(begin.params)))
            }
            VendorTask::GetMarkingCodeValidationStatus => Self::Mark(Step::Status),
            VendorTask::AcceptMarkingCode => Self::Mark(Step::Accept),
            VendorTask::DeclineMarkingCode => Self::Mark(Step::Decline),
            VendorTask::CancelMarkingCodeValidation => Self::Mark(Step::Cancel),
            VendorTask::ClearMarkingCodeValidationResult => Self::Mark(Step::Clear),
            other => Self::Task(Box::new(other)),
        }
    }
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
    let query = |what: What| Asked {
        device: None,
        options: Options::default(),
        task: Task::Vendor(Box::new(Query {
            what,
            zone: zone.clone(),
        })),
    };
    if NOT_HERE.contains(&kind.as_str()) {
        return Err(bad("not_supported", format!("{kind} is not served")));
    }
    let task = match serde_json::from_value::<VendorTask>(row.request.clone()) {
        Ok(task) => task,
        Err(e) if is_unknown_word(&e) => {
            return serde_json::from_value::<FaceTask>(row.request.clone())
                .map(|task| query(task.into()))
                .map_err(|e| bad("bad_task", format!("{kind}: {e}")));
        }
        Err(e) => return Err(bad("bad_task", format!("{kind}: {e}"))),
    };
    let fiscal = task.is_fiscal();
    let mut options = Options::default();
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
        options.check_marking = taken.check_marking;
        let task = Task::Fiscal(Box::new(taken.document));
        not_to_come(&task, row.created_at).map_err(|t| bad("bad_task", t.text))?;
        task
    } else {
        return Ok(query(task.into()));
    };
    Ok(Asked {
        device: None,
        options,
        task,
    })
}

/// Whether an error of reading says that the task's type is none of ours.
fn is_unknown_word(e: &serde_json::Error) -> bool {
    e.to_string().starts_with("unknown variant")
}

impl Query {
    pub(super) fn new(task: VendorTask, zone: Zone) -> Self {
        Self {
            what: task.into(),
            zone,
        }
    }

    /// Asks the printer, and answers as the vendor's driver would.
    pub(in crate::gateway) async fn answer(
        &self,
        p: &mut dyn FiscalPrinter,
        marks: &mut Marks,
    ) -> Result<Value, FiscalError> {
        match &self.what {
            What::Task(task) => self.task(task, p).await,
            What::Mark(step) => marks.answer(step, p).await,
            What::Parameters(all) => Ok(parameters(all)),
        }
    }

    async fn task(
        &self,
        task: &VendorTask,
        p: &mut dyn FiscalPrinter,
    ) -> Result<Value, FiscalError> {
        Ok(match task {
            VendorTask::ReportX(_) => done(p.x_report().await?),
            VendorTask::PrintLastReceiptCopy(_) => done(p.copy_last().await?),
            VendorTask::ContinuePrint => done(p.continue_print().await?),
            VendorTask::PrintFnDocument(asked) => {
                done(p.print_document(asked.fiscal_document_number).await?)
            }
            VendorTask::GetFnDocument(asked) => self.drive_document(*asked, p).await?,
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
                        // No make but the vendor's tells it, and clients read a date here whatever it is.
                        expired_time: self.zone.time(NEVER),
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
                        not_sent_first_doc_date_time: status.oldest_unsent.as_ref().map_or_else(
                            || self.zone.time(NEVER),
                            |day| { self.zone.time(&format!("{day}T00:00:00")) }
                        ),
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

    /// A document of the drive, tag by tag; in the short form in which the vendor's driver tells one whose text the drive
    /// does not keep any more, where the printer gives no tags.
    async fn drive_document(
        &self,
        asked: FnDocumentTask,
        p: &mut dyn FiscalPrinter,
    ) -> Result<Value, FiscalError> {
        let absent = || codes::own(codes::NO_SUCH_DOCUMENT);
        let number = asked.fiscal_document_number;
        let record = p.document(number).await?.ok_or_else(absent)?;
        let bytes = match p.document_tlvs(number).await {
            Ok(bytes) => bytes,
            Err(FiscalError::Unsupported(_)) => None,
            Err(e) => return Err(e),
        };
        let mut answer = fn_document(&record, &self.zone);
        match bytes {
            Some(bytes) => {
                answer.document_tlv.insert("short".to_owned(), json!(false));
                answer.document_tlv.extend(tags::told(&bytes, &self.zone));
                if asked.with_raw_data == Some(true) {
                    answer.raw_data = Some(STANDARD.encode(bytes));
                }
            }
            None if asked.with_raw_data == Some(true) => return Err(absent()),
            None => {}
        }
        Ok(json!(answer))
    }
}

/// Where no time is known.
const NEVER: &str = "1970-01-01T00:00:00";

/// The vendor's numbers of parameters are those of its own devices: each is answered as a device answers that lacks it.
fn parameters(all: &[(u32, Option<Value>)]) -> Value {
    let each = all.iter().map(|(key, value)| {
        let mut answer = json!({
            "key": key,
            "errorCode": codes::NOT_SUPPORTED,
            "errorDescription": codes::words(codes::NOT_SUPPORTED),
        });
        if let Some(value) = value {
            answer["value"] = value.clone();
        }
        answer
    });
    json!({"deviceParameters": each.collect::<Vec<Value>>()})
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
