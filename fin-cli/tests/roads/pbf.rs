//! A small writer of OSM PBF, for files that no other program would write.

/// A protocol buffer message under construction.
#[derive(Clone, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn varint(mut self, field: u8, value: i64) -> Message {
        self.0.push(field << 3);
        self.0.extend(varint(value as u64));
        self
    }

    pub(super) fn bytes(mut self, field: u8, value: impl AsRef<[u8]>) -> Message {
        self.0.push(field << 3 | 2);
        self.0.extend(varint(value.as_ref().len() as u64));
        self.0.extend(value.as_ref());
        self
    }

    pub(super) fn message(self, field: u8, value: Message) -> Message {
        self.bytes(field, value.0)
    }

    pub(super) fn packed(self, field: u8, values: impl IntoIterator<Item = i64>) -> Message {
        let all: Vec<u8> = values
            .into_iter()
            .flat_map(|value| varint(value as u64))
            .collect();
        self.bytes(field, all)
    }

    /// Packed differences from value to value, zigzag as `sint64`.
    pub(super) fn packed_deltas(self, field: u8, values: &[i64]) -> Message {
        let before = std::iter::once(&0).chain(values);
        let deltas = values
            .iter()
            .zip(before)
            .map(|(value, before)| value.wrapping_sub(*before));
        self.packed(field, deltas.map(|delta| (delta << 1) ^ (delta >> 63)))
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// One blob, not packed, with its header and length.
pub(super) fn blob(kind: &str, content: Message) -> Vec<u8> {
    let blob = Message::default().bytes(1, content.0);
    frame(kind, blob.0.len() as i64, &blob.0)
}

/// One blob with a header that claims `size` bytes.
pub(super) fn frame(kind: &str, size: i64, content: &[u8]) -> Vec<u8> {
    let header = Message::default().bytes(1, kind).varint(3, size);
    let mut bytes = (header.0.len() as u32).to_be_bytes().to_vec();
    bytes.extend(header.0);
    bytes.extend(content);
    bytes
}

/// The file header, with a feature that a reader has to know.
pub(super) fn header(feature: &str) -> Vec<u8> {
    blob("OSMHeader", Message::default().bytes(4, feature))
}

/// A block of nodes: id, latitude and longitude in units of 1e-7 degrees.
pub(super) fn nodes(nodes: &[(i64, i64, i64)]) -> Vec<u8> {
    let list = |pick: fn(&(i64, i64, i64)) -> i64| nodes.iter().map(pick).collect::<Vec<_>>();
    let dense = Message::default()
        .packed_deltas(1, &list(|node| node.0))
        .packed_deltas(8, &list(|node| node.1))
        .packed_deltas(9, &list(|node| node.2));
    block(&[b""], Message::default().message(2, dense))
}

/// A block with one way; its tags are numbers of strings.
pub(super) fn way(id: i64, strings: &[&[u8]], tags: &[(i64, i64)], refs: &[i64]) -> Vec<u8> {
    let way = Message::default()
        .varint(1, id)
        .packed(2, tags.iter().map(|tag| tag.0))
        .packed(3, tags.iter().map(|tag| tag.1))
        .packed_deltas(8, refs);
    block(strings, Message::default().message(3, way))
}

fn block(strings: &[&[u8]], group: Message) -> Vec<u8> {
    let table = strings
        .iter()
        .fold(Message::default(), |table, text| table.bytes(1, text));
    blob("OSMData", Message::default().message(1, table).message(2, group))
}
