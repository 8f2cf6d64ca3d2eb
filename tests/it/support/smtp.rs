//! A mail server that takes everything and forwards nothing: SMTP with STARTTLS, TLS from the first byte, or neither, and
//! AUTH where it is asked for. It keeps what was said, so that a test can see what went over the wire in the clear.

use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig};

/// How the server encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    Starttls,
    Tls,
    None,
}

/// A mail that was taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// User and password, by AUTH PLAIN or LOGIN.
    pub(crate) login: Option<(String, String)>,
    /// Whether it came over TLS.
    pub(crate) encrypted: bool,
    pub(crate) data: Vec<u8>,
}

#[derive(Debug, Default)]
struct Seen {
    mails: Vec<Received>,
    /// Commands that came in the clear.
    plain: Vec<String>,
}

/// A running mail server.
#[derive(Debug)]
pub(crate) struct MailServer {
    pub(crate) port: u16,
    /// Its certificate, PEM.
    pub(crate) certificate: String,
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MailServer {
    /// Listens with a certificate for this name; with a password, mails are taken after a login only.
    pub(crate) async fn start(encryption: Encryption, name: &str, password: Option<&str>) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (copy, password) = (Arc::clone(&seen), password.map(str::to_owned));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, seen, password) = (acceptor.clone(), Arc::clone(&copy), password.clone());
                tokio::spawn(async move { serve(socket, encryption, acceptor, seen, password).await });
            }
        });
        Self { port, certificate: cert.pem(), seen, task }
    }

    /// The mails so far.
    pub(crate) fn mails(&self) -> Vec<Received> {
        self.seen.lock().unwrap().mails.clone()
    }

    /// What was said in the clear.
    pub(crate) fn plain(&self) -> Vec<String> {
        self.seen.lock().unwrap().plain.clone()
    }
}

async fn serve(
    socket: TcpStream,
    encryption: Encryption,
    acceptor: TlsAcceptor,
    seen: Arc<Mutex<Seen>>,
    password: Option<String>,
) -> Option<()> {
    let password = password.as_deref();
    if encryption == Encryption::Tls {
        let socket = acceptor.accept(socket).await.ok()?;
        talk(socket, Talk { starttls: false, encrypted: true, greet: true }, &seen, password).await;
        return None;
    }
    let starttls = encryption == Encryption::Starttls;
    let socket = talk(socket, Talk { starttls, encrypted: false, greet: true }, &seen, password).await?;
    let socket = acceptor.accept(socket).await.ok()?;
    talk(socket, Talk { starttls: false, encrypted: true, greet: false }, &seen, password).await;
    None
}

struct Talk {
    starttls: bool,
    encrypted: bool,
    greet: bool,
}

/// Talks until the end; gives the socket back where TLS is to begin.
async fn talk<S>(socket: S, talk: Talk, seen: &Mutex<Seen>, password: Option<&str>) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut socket = BufReader::new(socket);
    if talk.greet {
        socket.write_all(b"220 sink ESMTP\r\n").await.ok()?;
    }
    let mut mail = Received { encrypted: talk.encrypted, ..Received::default() };
    loop {
        let line = line(&mut socket).await?;
        if !talk.encrypted {
            seen.lock().unwrap().plain.push(line.clone());
        }
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match word.to_ascii_uppercase().as_str() {
            "EHLO" if talk.starttls => "250-sink\r\n250 STARTTLS".to_owned(),
            "EHLO" if password.is_some() => "250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN".to_owned(),
            "EHLO" => "250 sink".to_owned(),
            "STARTTLS" if talk.starttls => {
                socket.write_all(b"220 go on\r\n").await.ok()?;
                assert!(socket.buffer().is_empty(), "somebody talks ahead of TLS");
                return Some(socket.into_inner());
            }
            _ if talk.starttls => "530 say STARTTLS first".to_owned(),
            "AUTH" => {
                let login = login(rest);
                let right = login.as_ref().is_some_and(|(_, given)| Some(given.as_str()) == password);
                if right {
                    mail.login = login;
                }
                if right { "235 welcome" } else { "535 5.7.8 bad credentials" }.to_owned()
            }
            "MAIL" if password.is_some() && mail.login.is_none() => "530 5.7.0 log in first".to_owned(),
            "MAIL" => {
                mail.from = address(rest);
                "250 fine".to_owned()
            }
            "RCPT" => {
                mail.to.push(address(rest));
                "250 fine".to_owned()
            }
            "DATA" => {
                socket.write_all(b"354 go on\r\n").await.ok()?;
                mail.data = body(&mut socket).await?;
                seen.lock().unwrap().mails.push(mail.clone());
                "250 taken".to_owned()
            }
            "QUIT" => {
                socket.write_all(b"221 bye\r\n").await.ok()?;
                return None;
            }
            _ => "250 fine".to_owned(),
        };
        socket.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

async fn line<S: AsyncRead + Unpin>(socket: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    (socket.read_line(&mut line).await.ok()? > 0).then(|| line.trim_end().to_owned())
}

/// Up to the lone dot, with doubled dots undone; a line longer than SMTP allows is a fault of the sender.
async fn body<S: AsyncRead + Unpin>(socket: &mut BufReader<S>) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let mut line = Vec::new();
        socket.read_until(b'\n', &mut line).await.ok()?;
        assert!(line.ends_with(b"\r\n") && line.len() <= 1000, "a line of {} bytes", line.len());
        if line == b".\r\n" {
            return Some(data);
        }
        data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

/// `FROM:<a@b> ...`
fn address(rest: &str) -> String {
    rest.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

/// `PLAIN base64(\0user\0password)`
fn login(rest: &str) -> Option<(String, String)> {
    let bytes = base64(rest.strip_prefix("PLAIN ")?)?;
    let text = String::from_utf8(bytes).ok()?;
    let mut parts = text.split('\0').skip(1).map(str::to_owned);
    Some((parts.next()?, parts.next()?))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut number, mut bytes) = (0, 0_u32, Vec::new());
    for byte in text.trim().bytes().filter(|byte| *byte != b'=') {
        let value = LETTERS.iter().position(|letter| *letter == byte)?;
        (number, bits) = ((number << 6) | u32::try_from(value).ok()?, bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((number >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}
