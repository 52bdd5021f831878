//! Objects and what the lists and containers say of them.
//!
//! The order of writing is such that the lists never name what is not there: an object and its
//! attributes are made before its entry, an entry goes before its object. An entry is five bytes,
//! written by one command.

use super::layout::{
    CertificateAttributes, ContainerRecord, Entry, LayoutError, ObjectId, ObjectList,
    PrivateKeyAttributes, Slot,
};
use super::{Client, NewFile, structure};
use crate::words::v2::class;
use crate::{Action, AuthenticError, KeyId, KeyUsage};

/// A list as it was read.
pub(super) struct Opened {
    private: bool,
    list: ObjectList,
}

impl Opened {
    pub(super) fn entry(&self, id: ObjectId) -> Option<Entry> {
        self.list.entries().find(|entry| entry.id == id)
    }

    pub(super) fn of_class(&self, class: u8) -> impl Iterator<Item = Entry> + '_ {
        let entries = self.list.entries();
        entries.filter(move |entry| entry.id.class() == class)
    }
}

/// The error for something the format cannot express.
pub(super) fn impossible(action: &Action) -> impl Fn(LayoutError) -> AuthenticError + '_ {
    |error| AuthenticError::Impossible {
        action: action.clone(),
        detail: error.to_string(),
    }
}

impl Client {
    /// The list of public or private objects.
    pub(super) fn open(
        &mut self,
        action: &Action,
        private: bool,
    ) -> Result<Opened, AuthenticError> {
        let path = structure::list_of(private);
        let bytes = self.read(&path).map_err(|error| match error {
            AuthenticError::NotFound { .. } => AuthenticError::NotInitialised {
                action: action.clone(),
            },
            error => error,
        })?;
        let list = ObjectList::parse(&path, &bytes).value;
        Ok(Opened { private, list })
    }

    /// Lists an object, in the place of `before` if that is listed.
    pub(super) fn list_object(
        &mut self,
        action: &Action,
        entry: Entry,
        before: Option<ObjectId>,
    ) -> Result<(), AuthenticError> {
        let private = entry.id.is_private().unwrap_or(false);
        let opened = self.open(action, private)?;
        let path = structure::list_of(private);
        let list = &opened.list;
        if list.has_unwritten() {
            let mut clean = list.clone();
            for slot in &mut clean.slots {
                if matches!(slot, Slot::Free(_)) {
                    *slot = Slot::Free([0; Slot::SIZE]);
                }
            }
            self.update(&path, 0, &clean.encode())?;
        }
        let place = list
            .position(entry.id)
            .or_else(|| before.and_then(|before| list.position(before)))
            .or_else(|| list.free());
        let place = place.ok_or_else(|| AuthenticError::NoRoom {
            action: action.clone(),
            detail: format!("all {} places of file {path} are taken", list.slots.len()),
        })?;
        self.update(&path, place * Slot::SIZE, &Slot::Used(entry).bytes())
    }

    /// Whether the list has a place for one more.
    pub(super) fn has_place(&self, action: &Action, opened: &Opened) -> Result<(), AuthenticError> {
        match opened.list.free() {
            Some(_) => Ok(()),
            None => Err(AuthenticError::NoRoom {
                action: action.clone(),
                detail: format!(
                    "all places of file {} are taken",
                    structure::list_of(opened.private)
                ),
            }),
        }
    }

    /// Takes an object off its list, every entry of it.
    pub(super) fn unlist_object(
        &mut self,
        action: &Action,
        id: ObjectId,
    ) -> Result<(), AuthenticError> {
        let private = id.is_private().unwrap_or(false);
        let path = structure::list_of(private);
        let opened = self.open(action, private)?;
        for (place, slot) in opened.list.slots.iter().enumerate() {
            if matches!(slot, Slot::Used(entry) if entry.id == id) {
                self.update(&path, place * Slot::SIZE, &[0])?;
            }
        }
        Ok(())
    }

    /// Deletes the files of an object that is not listed.
    pub(super) fn delete_files(&mut self, id: ObjectId) -> Result<(), AuthenticError> {
        self.delete_if_there(&structure::object(id))?;
        self.delete_if_there(&structure::attributes(id))
    }

    /// A file with content, in the place of one a broken run left.
    pub(super) fn write_file(
        &mut self,
        id: ObjectId,
        file: &NewFile,
        content: &[u8],
    ) -> Result<(), AuthenticError> {
        let directory = structure::objects(id.is_private().unwrap_or(false));
        let path = directory.child(file.identifier);
        self.delete_if_there(&path)?;
        self.create(&directory, file, 0)?;
        self.update(&path, 0, content)
    }

    /// The containers with their numbers, those that could be understood.
    pub(super) fn containers(&mut self) -> Result<Vec<(u8, ContainerRecord)>, AuthenticError> {
        let path = structure::containers();
        let records = match self.read_records(&path) {
            Ok(records) => records,
            // OpenSC makes the file with the first container.
            Err(AuthenticError::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok((1..)
            .zip(&records)
            .map(|(number, bytes)| (number, ContainerRecord::parse(&path, bytes).value))
            .collect())
    }

    /// Puts a key into a container of its own: a new one, or one that holds a part of it.
    pub(super) fn put_in_container(
        &mut self,
        action: &Action,
        key: KeyId,
        usage: KeyUsage,
    ) -> Result<(), AuthenticError> {
        let public = ObjectId::new(class::PUBLIC_KEY, key.0);
        let private = ObjectId::new(class::PRIVATE_KEY, key.0);
        let path = structure::containers();
        // What a key before it left.
        self.take_from_containers(action, public)?;
        self.take_from_containers(action, private)?;
        let mut record = ContainerRecord {
            guid: Some(self.name()?),
            ..ContainerRecord::default()
        };
        let container = match usage {
            KeyUsage::Authentication => &mut record.exchange,
            KeyUsage::Signing => &mut record.signature,
        };
        container.public = Some(public);
        container.private = Some(private);
        let bytes = record.encode().map_err(impossible(action))?;
        if self.find(&path)?.is_none() {
            self.create(&structure::domain(), &structure::container_file(), 0)?;
        }
        self.append_record(&path, &bytes)
    }

    /// Names the certificate of a key in its container, `None` that there is none. A key without
    /// container stays without.
    pub(super) fn put_certificate_in_container(
        &mut self,
        action: &Action,
        key: KeyId,
        certificate: Option<ObjectId>,
    ) -> Result<(), AuthenticError> {
        let private = ObjectId::new(class::PRIVATE_KEY, key.0);
        for (number, mut record) in self.containers()? {
            let Some(container) = record.container_of_mut(private) else {
                continue;
            };
            if container.certificate == certificate {
                continue;
            }
            container.certificate = certificate;
            self.rewrite_container(action, number, &record)?;
        }
        Ok(())
    }

    /// Takes an object out of the containers. A container with nothing in it is deleted.
    pub(super) fn take_from_containers(
        &mut self,
        action: &Action,
        id: ObjectId,
    ) -> Result<(), AuthenticError> {
        // From the last: deleting a record moves those behind it.
        for (number, mut record) in self.containers()?.into_iter().rev() {
            let mut found = false;
            while let Some(container) = record.container_of_mut(id) {
                for place in [
                    &mut container.public,
                    &mut container.private,
                    &mut container.certificate,
                ] {
                    place.take_if(|there| *there == id);
                }
                found = true;
            }
            if found && record.is_empty() {
                self.delete_record(&structure::containers(), number)?;
            } else if found {
                self.rewrite_container(action, number, &record)?;
            }
        }
        Ok(())
    }

    fn rewrite_container(
        &mut self,
        action: &Action,
        number: u8,
        record: &ContainerRecord,
    ) -> Result<(), AuthenticError> {
        let mut record = *record;
        if record.guid.is_none() {
            record.guid = Some(self.name()?);
        }
        let bytes = record.encode().map_err(impossible(action))?;
        self.update_record(&structure::containers(), number, &bytes)
    }

    /// A name no other container has.
    fn name(&mut self) -> Result<uuid::Uuid, AuthenticError> {
        Ok(uuid::Builder::from_random_bytes(self.challenge()?).into_uuid())
    }

    /// What links a key to its certificate, by the attributes of its private half.
    pub(super) fn key_attributes(
        &mut self,
        private: Entry,
    ) -> Result<Option<PrivateKeyAttributes>, AuthenticError> {
        let path = structure::attributes(private.id);
        match self.read(&path) {
            Ok(bytes) => {
                let parsed = PrivateKeyAttributes::parse(&path, private.size, &bytes);
                Ok(Some(parsed.value))
            }
            Err(AuthenticError::NotFound { .. } | AuthenticError::AccessDenied { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The certificate of a key among those listed: the one with its id in the attributes, else
    /// the one in its container.
    pub(super) fn certificate_of(
        &mut self,
        private: Entry,
        publics: &Opened,
    ) -> Result<Option<Entry>, AuthenticError> {
        let link = self
            .key_attributes(private)?
            .map(|attributes| attributes.common.id)
            .filter(|id| !id.is_empty());
        if let Some(link) = link {
            for entry in publics.of_class(class::CERTIFICATE) {
                let path = structure::attributes(entry.id);
                let bytes = match self.read(&path) {
                    Ok(bytes) => bytes,
                    Err(AuthenticError::NotFound { .. }) => continue,
                    Err(error) => return Err(error),
                };
                if CertificateAttributes::parse(&path, &bytes).value.id == link {
                    return Ok(Some(entry));
                }
            }
        }
        let containers = self.containers()?;
        let contained = containers
            .iter()
            .find_map(|(_, record)| record.container_of(private.id))
            .and_then(|container| container.certificate);
        Ok(contained.and_then(|id| publics.entry(id)))
    }
}
