//! `container`: a reference is its full id; names come where the process is introduced.
//!
//! OWNS: what is pending or unknown about a container, as paths.
//! MUST NOT: guess; a runtime that does not answer leaves its attributes out and noted.

use crate::record::line::{Line, key};
use crate::record::notes::At;
use crate::record::view::{ContainerView, Fact, Image, Pod};

impl Line<'_> {
    /// `container` as a reference. That its name is still awaited is said here, too: whoever reads
    /// only this record knows that there is one.
    pub fn container_reference(&mut self, at: &At, container: &ContainerView) {
        self.raw("\"container\":{");
        self.string(key!("uid"), &at.field("uid"), container.uid.as_bytes());
        if !matches!(container.name, Fact::Known(_)) {
            self.known(&at.field("name"), &container.name);
        }
        self.close();
    }

    /// `container` in full.
    pub fn container(&mut self, at: &At, container: &ContainerView) {
        self.raw("\"container\":{");
        self.string(key!("uid"), &at.field("uid"), container.uid.as_bytes());
        self.fact_str(key!("name"), &at.field("name"), &container.name);
        if let Some(image) = self.known(&at.field("image"), &container.image) {
            self.image(&at.field("image"), image);
        }
        self.fact_str(key!("runtime"), &at.field("runtime"), &container.runtime);
        if let Some(pod_uid) = container.pod_uid {
            self.word(key!("orchestrator"), "kubernetes");
            self.string(key!("pod_uuid"), &at.field("pod_uuid"), pod_uid.as_bytes());
            if let Some(pod) = self.known(&at.field("tags"), &container.pod) {
                self.tags(at, pod);
            }
        }
        self.close();
    }

    fn image(&mut self, at: &At, image: &Image) {
        self.raw("\"image\":{");
        self.string(key!("uid"), &at.field("uid"), image.digest.as_bytes());
        if let Some(name) = image.name {
            self.string(key!("name"), &at.field("name"), name.as_bytes());
        }
        self.close();
    }

    fn tags(&mut self, container: &At, pod: &Pod) {
        self.raw("\"tags\":[");
        for (index, (name, value)) in [
            ("{\"name\":\"pod\",", pod.name),
            ("{\"name\":\"namespace\",", pod.namespace),
        ]
        .into_iter()
        .enumerate()
        {
            self.raw(name);
            let tag = container.item("tags", index);
            self.string(key!("value"), &tag.field("value"), value.as_bytes());
            self.close();
        }
        self.close_list();
    }
}
