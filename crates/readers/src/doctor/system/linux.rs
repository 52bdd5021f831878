use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::{Drivers, Reach};
use crate::doctor::{Driver, UsbReader};

/// Where pcscd listens.
const SOCKET: &str = "run/pcscd/pcscd.comm";
/// Where drivers of USB readers are installed.
const DRIVERS: [&str; 3] = [
    "usr/lib/pcsc/drivers",
    "usr/lib64/pcsc/drivers",
    "usr/local/lib/pcsc/drivers",
];
/// Where the kernel shows USB devices and their interfaces.
const USB: &str = "sys/bus/usb/devices";
/// The class of a smart card interface (*Universal Serial Bus Device Class: Smart Card CCID* 1.1,
/// 4.3).
const SMART_CARD: &str = "0b";
/// The largest list of a driver that is read.
const LONGEST_LIST: u64 = 4 << 20;

pub(super) fn reach(root: &Path) -> Reach {
    let socket = root.join(SOCKET);
    match UnixStream::connect(&socket) {
        Ok(_) => Reach::SocketOpen,
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => Reach::NoSocket,
            io::ErrorKind::PermissionDenied => Reach::SocketDenied,
            _ => Reach::NobodyListens,
        },
    }
}

pub(super) fn drivers(root: &Path) -> Drivers {
    Drivers {
        installed: DRIVERS
            .iter()
            .flat_map(|folder| entries(&root.join(folder)))
            .filter_map(|name| driver(&name))
            .collect(),
        attached: attached(&root.join(USB)),
    }
}

/// What is in a folder, in order; nothing if there is no such folder.
fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(found) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = found.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The driver in a bundle.
fn driver(bundle: &Path) -> Option<Driver> {
    if bundle.extension()? != "bundle" {
        return None;
    }
    let list = bundle.join("Contents/Info.plist");
    if fs::metadata(&list).ok()?.len() > LONGEST_LIST {
        return None;
    }
    let text = String::from_utf8_lossy(&fs::read(list).ok()?).into_owned();
    let numbers = |key| {
        let strings = strings(&text, key).into_iter();
        strings.map(|number| hexadecimal(number.trim_start_matches("0x")))
    };
    let serves = numbers("ifdVendorID").zip(numbers("ifdProductID"));
    Some(Driver {
        name: bundle.file_stem()?.to_string_lossy().into_owned(),
        version: strings(&text, "CFBundleShortVersionString")
            .first()
            .map_or_else(String::new, |version| (*version).to_owned()),
        serves: serves
            .filter_map(|(vendor, product)| Some((vendor?, product?)))
            .collect(),
    })
}

/// The strings behind a key of a property list: of the array that follows, or the one that does.
fn strings<'a>(list: &'a str, key: &str) -> Vec<&'a str> {
    let Some((_, rest)) = list.split_once(&format!("<key>{key}</key>")) else {
        return Vec::new();
    };
    let value = rest.trim_start();
    let (value, all) = match value.strip_prefix("<array>") {
        Some(array) => (array.split("</array>").next().unwrap_or_default(), true),
        None => (value.split("</string>").next().unwrap_or_default(), false),
    };
    let found = value.split("<string>").skip(1).map(|rest| {
        let text = rest.split("</string>").next();
        text.unwrap_or_default().trim()
    });
    found.take(if all { usize::MAX } else { 1 }).collect()
}

fn hexadecimal(text: &str) -> Option<u16> {
    u16::from_str_radix(text, 16).ok()
}

/// The devices with a smart card interface.
fn attached(devices: &Path) -> Vec<UsbReader> {
    let mut found = Vec::new();
    for interface in entries(devices) {
        let read = |path: &Path| fs::read_to_string(path).map(|text| text.trim().to_owned());
        if read(&interface.join("bInterfaceClass")).ok().as_deref() != Some(SMART_CARD) {
            continue;
        }
        // The interface `1-2:1.0` is of the device `1-2`.
        let Some(name) = interface.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let device = devices.join(name.split(':').next().unwrap_or(name));
        let number = |file| hexadecimal(&read(&device.join(file)).ok()?);
        if let (Some(vendor), Some(product)) = (number("idVendor"), number("idProduct")) {
            let name = read(&device.join("product"));
            let reader = UsbReader {
                vendor,
                product,
                name: name.unwrap_or_else(|_| "reader".to_owned()),
            };
            if !found.contains(&reader) {
                found.push(reader);
            }
        }
    }
    found
}

pub(super) fn group_of(root: &Path, port: &str) -> (Option<String>, bool) {
    let Ok(metadata) = fs::metadata(port) else {
        return (None, false);
    };
    let groups = fs::read_to_string(root.join("etc/group")).unwrap_or_default();
    let user = std::env::var("USER").unwrap_or_default();
    group_in(&groups, metadata.gid(), &user)
}

/// The name of a group in `/etc/group`, and whether the user is written there.
fn group_in(groups: &str, id: u32, user: &str) -> (Option<String>, bool) {
    for line in groups.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if let [name, _, number, members] = fields[..]
            && number.parse() == Ok(id)
        {
            let joined = !user.is_empty() && members.split(',').any(|member| member == user);
            return (Some(name.to_owned()), joined);
        }
    }
    (None, false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: &str = "<plist><dict>
        <key>CFBundleShortVersionString</key>
        <string>1.5.2</string>
        <key>ifdVendorID</key>
        <array>
            <string>0x08E6</string>
            <string>0x076B</string>
            <string>what</string>
        </array>
        <key>ifdProductID</key>
        <array><string>0x3437</string><string>0x3021</string><string>0x0001</string></array>
        <key>ifdFriendlyName</key>
        <array><string>Gemalto PC Twin Reader</string></array>
    </dict></plist>";

    /// A machine with one driver and two readers.
    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put(
            "usr/lib/pcsc/drivers/ifd-ccid.bundle/Contents/Info.plist",
            LIST,
        );
        put("usr/lib/pcsc/drivers/serial/libccidtwin.so", "");
        for (device, product, name) in [("1-1", "3437", "PC Twin"), ("1-2", "9999", "Other")] {
            put(&format!("{USB}/{device}/idVendor"), "08e6\n");
            put(&format!("{USB}/{device}/idProduct"), product);
            put(&format!("{USB}/{device}/product"), name);
            put(&format!("{USB}/{device}:1.0/bInterfaceClass"), "0b\n");
        }
        put(&format!("{USB}/1-3:1.0/bInterfaceClass"), "03\n");
        root
    }

    #[test]
    fn drivers_and_readers_are_found() {
        let machine = machine();
        let drivers = drivers(machine.path());
        assert_eq!(
            drivers.installed,
            [Driver {
                name: "ifd-ccid".to_owned(),
                version: "1.5.2".to_owned(),
                serves: vec![(0x08E6, 0x3437), (0x076B, 0x3021)],
            }]
        );
        let names: Vec<&str> = drivers.attached.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["PC Twin", "Other"]);
        assert_eq!(drivers.attached[1].product, 0x9999);
    }

    #[test]
    fn a_socket_is_missing_left_behind_or_open() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(reach(root.path()), Reach::NoSocket);
        let path = root.path().join(SOCKET);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(reach(root.path()), Reach::SocketOpen);
        drop(listener);
        assert_eq!(reach(root.path()), Reach::NobodyListens);
    }

    #[test]
    fn the_group_of_a_port_is_named() {
        let groups = "root:x:0:\ndialout:x:20:ann,bob\nodd line\n";
        let dialout = Some("dialout".to_owned());
        assert_eq!(group_in(groups, 20, "ann"), (dialout.clone(), true));
        assert_eq!(group_in(groups, 20, "an"), (dialout.clone(), false));
        assert_eq!(group_in(groups, 20, ""), (dialout, false));
        assert_eq!(group_in(groups, 21, "ann"), (None, false));
    }

    proptest! {
        #[test]
        fn any_list_gives_strings_or_none(text in "(<key>a</key>|<array>|<string>|</string>|</array>|x){0,20}") {
            for found in strings(&text, "a") {
                prop_assert!(text.contains(found));
            }
        }
    }
}
