//! `driver`: a kernel module, by its file, or by its name where it has none.
//!
//! OWNS: that object. MUST NOT: guess a file from a name.

use super::Module;
use crate::record::limits;
use crate::record::line::{Line, key};
use crate::record::notes::At;
use crate::record::view::Text;

impl Line<'_> {
    pub fn module(&mut self, module: &Module) {
        let driver = At::root("driver");
        let at = driver.field("file");
        self.raw("\"driver\":{");
        match module {
            Module::File(file) => self.file(&at, file),
            Module::Name(name) => self.module_name(&at, name),
            // OCSF has no file without a name.
            Module::Unknown => self.module_name(&at, &Text::whole(b"unknown")),
        }
        self.close();
    }

    fn module_name(&mut self, at: &At, name: &Text) {
        self.raw("\"file\":{");
        self.text(
            key!("name"),
            &at.field("name"),
            name,
            limits::STRING_BYTES_MAX,
        );
        self.integer(key!("type_id"), 0);
        self.notes.unknown(&at.field("type_id"));
        self.close();
    }
}
