//! As much of RFC 6455 as a subscriber needs: whole frames, and only those of a server on the way in.

pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// Flags of the first byte and of the second.
const LAST: u8 = 0x80;
const MASKED: u8 = 0x80;
/// In place of a size: it stands behind, in two bytes, or in eight.
const LONG: u8 = 0x7e;
const LONGER: u8 = 0x7f;

/// A frame at the beginning of some bytes.
pub struct Frame<'a> {
    pub opcode: u8,
    pub payload: &'a [u8],
    /// Of all of it, its head included.
    pub length: usize,
}

impl<'a> Frame<'a> {
    /// `None` as long as some of it has not arrived.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (head, size) = match bytes.get(1)? & !MASKED {
            LONG => (
                4,
                u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into(),
            ),
            LONGER => {
                let size = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
                (10, usize::try_from(size).ok()?)
            }
            size => (2, size.into()),
        };
        Some(Self {
            opcode: bytes[0] & 0x0f,
            payload: bytes.get(head..)?.get(..size)?,
            length: head + size,
        })
    }
}

/// A client's frame. Its mask is zero, which leaves the payload as it is.
pub fn of_client(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(opcode, payload, Some([0; 4]))
}

/// A server's frame.
pub fn of_server(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(opcode, payload, None)
}

fn frame(opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if mask.is_some() { MASKED } else { 0 };
    let mut frame = vec![LAST | opcode];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(size @ 0..LONG), _) => frame.push(masked | size),
        (_, Ok(size)) => {
            frame.push(masked | LONG);
            frame.extend(size.to_be_bytes());
        }
        (_, Err(_)) => {
            frame.push(masked | LONGER);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(mask.into_iter().flatten());
    frame.extend(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_size_are_read_back_once_they_are_whole() {
        for size in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; size];
            let bytes = of_server(TEXT, &payload);
            for part in [0, 1, bytes.len() - 1] {
                assert!(Frame::read(&bytes[..part]).is_none(), "{part} of {size}");
            }
            let frame = Frame::read(&bytes).expect("is whole");
            assert_eq!(
                (frame.opcode, frame.payload, frame.length),
                (TEXT, &payload[..], bytes.len())
            );
        }
    }
}
