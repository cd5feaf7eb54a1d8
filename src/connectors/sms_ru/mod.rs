//! sms_ru
