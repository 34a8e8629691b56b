//! [`Upload`], a form that brings a file along.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures::stream;
use multer::{Constraints, Multipart, SizeLimit};
use purser_core::error::Error;

use super::body::{read_body, takes, unpacked};
use crate::fault::Fault;

/// An ordinary form.
const FORM: &str = "application/x-www-form-urlencoded";

/// The fields of an HTML form and the files that came with it, each named once.
#[derive(Debug, Default)]
pub struct Upload {
    /// The fields that are texts.
    pub texts: Vec<(String, String)>,
    files: Vec<(String, Bytes)>,
}

impl Upload {
    /// Takes in a form of at most `limit` bytes that arrives within `patience`: `multipart/form-data` (RFC 7578), or an ordinary one,
    /// which brings no file.
    ///
    /// Read by hand and not by an extractor, so that whoever may not do it is refused before anything is read.
    ///
    /// # Errors
    /// As [`read_body`]; `UnsupportedMediaType` for anything else than a form; `Invalid` for one that is malformed, or names a field twice.
    pub async fn read(request: Request, limit: usize, patience: Duration) -> Result<Self, Fault> {
        if takes(request.headers(), FORM) {
            let bytes = read_body(request, limit, patience).await?;
            let pairs = url::form_urlencoded::parse(&bytes);
            return Self::default().with_all(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())));
        }
        let media = request.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(media).map_err(|_| Fault::UnsupportedMediaType)?;
        if !unpacked(request.headers()) {
            return Err(Fault::UnsupportedMediaType);
        }
        let bytes = read_body(request, limit, patience).await?;
        let sizes = SizeLimit::new().whole_stream(limit as u64).per_field(limit as u64);
        let whole = stream::iter([Ok::<_, std::convert::Infallible>(bytes)]);
        let mut form = Multipart::with_constraints(whole, boundary, Constraints::new().size_limit(sizes));
        let mut upload = Self::default();
        while let Some(field) = form.next_field().await.map_err(|_| malformed())? {
            let name = field.name().unwrap_or_default().to_owned();
            let is_file = field.file_name().is_some();
            let bytes = field.bytes().await.map_err(|_| malformed())?;
            if is_file {
                upload.demand_new(&name)?;
                upload.files.push((name, bytes));
            } else {
                let text = String::from_utf8(bytes.to_vec()).map_err(|_| malformed())?;
                upload = upload.with_all([(name, text)])?;
            }
        }
        Ok(upload)
    }

    /// A file, if one was chosen: browsers send an empty one for none.
    pub fn file(&self, name: &str) -> Option<&Bytes> {
        self.files.iter().find(|(it, bytes)| it == name && !bytes.is_empty()).map(|(_, bytes)| bytes)
    }

    fn with_all(mut self, texts: impl IntoIterator<Item = (String, String)>) -> Result<Self, Fault> {
        for (name, text) in texts {
            self.demand_new(&name)?;
            self.texts.push((name, text));
        }
        Ok(self)
    }

    fn demand_new(&self, name: &str) -> Result<(), Fault> {
        const MOST: usize = 100;
        let known = self.texts.iter().any(|(it, _)| it == name) || self.files.iter().any(|(it, _)| it == name);
        if known || self.texts.len() + self.files.len() >= MOST {
            return Err(Error::invalid(name, "is given twice").into());
        }
        Ok(())
    }
}

fn malformed() -> Fault {
    Error::invalid("body", "is no form that can be read").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(media: &str, body: &str, limit: usize) -> Result<Upload, Fault> {
        let request =
            Request::builder().header(CONTENT_TYPE, media).body(axum::body::Body::from(body.to_owned())).unwrap();
        Upload::read(request, limit, Duration::from_mins(1)).await
    }

    const FILE: &str = "--b\r\nContent-Disposition: form-data; name=\"update\"\r\n\r\non\r\n--b\r\nContent-Disposition: form-data; \
        name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\na,b\r\n1,2\r\n--b--\r\n";

    #[tokio::test]
    async fn a_form_brings_fields_and_files() {
        let upload = read("multipart/form-data; boundary=b", FILE, 1_000).await.unwrap();
        assert_eq!(upload.texts, [("update".to_owned(), "on".to_owned())]);
        assert_eq!(upload.file("file").unwrap(), "a,b\r\n1,2");
        let upload = read("application/x-www-form-urlencoded", "update=on&text=a%2Cb", 1_000).await.unwrap();
        assert_eq!(upload.texts.len(), 2);
        assert!(upload.file("file").is_none());
    }

    #[tokio::test]
    async fn what_is_no_form_or_too_long_or_named_twice_is_refused() {
        let outcome = async |media: &str, body: &str, limit| read(media, body, limit).await.err();
        let form = "multipart/form-data; boundary=b";
        assert!(matches!(outcome(form, FILE, FILE.len() - 1).await, Some(Fault::PayloadTooLarge)));
        assert!(matches!(outcome("multipart/form-data", FILE, 1_000).await, Some(Fault::UnsupportedMediaType)));
        assert!(matches!(outcome("text/csv", "a,b", 1_000).await, Some(Fault::UnsupportedMediaType)));
        assert!(outcome(form, &FILE[..FILE.len() - 9], 1_000).await.is_some());
        let twice = FILE.replace("name=\"file\"", "name=\"update\"");
        assert!(outcome(form, &twice, 1_000).await.is_some());
        assert!(outcome(form, &FILE.replace("\r\n\r\non", "\r\n\r\n\u{0}"), 1_000).await.is_none());
        assert!(outcome("application/x-www-form-urlencoded", "a=1&a=2", 1_000).await.is_some());
    }
}
