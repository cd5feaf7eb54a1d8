//! What is sent for documents.
