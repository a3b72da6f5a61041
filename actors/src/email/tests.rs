//! Mails to a server that takes none above so many bytes.
#![allow(clippy::unwrap_used)]

use std::sync::{Mutex, MutexGuard};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::notify::words::tests::message;

#[derive(Default)]
struct Server {
    taken: Mutex<Vec<String>>,
    refused: Mutex<Vec<String>>,
}

fn all<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap()
}

impl Server {
    async fn serve(&self, stream: TcpStream, most: usize) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 here\r\n").await?;
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 0 {
            let answer = match line.get(..4) {
                Some("DATA") => {
                    stream.write_all(b"354 go on\r\n").await?;
                    let mut mail = String::new();
                    while !mail.ends_with("\r\n.\r\n") && stream.read_line(&mut mail).await? > 0 {}
                    let (list, answer) = match mail.len() > most {
                        true => (&self.refused, "552 5.3.4 Message size exceeds fixed limit\r\n"),
                        false => (&self.taken, "250 2.0.0 taken\r\n"),
                    };
                    all(list).push(mail);
                    answer
                }
                Some("QUIT") => return stream.write_all(b"221 bye\r\n").await,
                _ => "250 ok\r\n",
            };
            stream.write_all(answer.as_bytes()).await?;
            line.clear();
        }
        Ok(())
    }
}

fn config(port: u16, recipient: &str) -> Config {
    let text = format!(
        "[server]\nname = \"Lobby\"\n[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n\
         [email]\nserver = \"127.0.0.1:{port}\"\nsecurity = \"none\"\nfrom = \"vigie@example.org\"\n\
         [[recipient]]\nid = \"owner\"\naddress = \"ann@example.org\"\n{recipient}"
    );
    Config::parse(&text, &|_| None).unwrap().0
}

#[tokio::test]
async fn what_is_too_large_goes_without_its_pictures_and_what_is_off_does_not_go() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Arc::new(Server::default());
    let serving = server.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that goes away is no fault.
            drop(serving.serve(stream, 30_000).await);
        }
    });
    let asked = Arc::new(Mutex::new(Vec::new()));
    let rooms = asked.clone();
    let config_on = config(port, "");
    let sources = Sources {
        site: Arc::new(Site::new(&config_on.server)),
        look: Arc::new(|_| None),
        pictures: Arc::new(move |_, _, room| {
            all(&rooms).push(room);
            let pictures = vec![Bytes::from(vec![0xff; 20_000]); room.pictures.min(3)];
            Box::pin(async move { pictures })
        }),
    };
    let message = message(5, 5);
    let sent = Mailer::new(&config_on, sources.clone()).send(message.clone()).await;
    assert_eq!(sent, Ok(()));
    let seen: Vec<_> = all(&asked).iter().map(|room| (room.pictures, room.bytes)).collect();
    assert_eq!(seen, [(4, 5 << 20), (1, (5 << 20) - 60_000)], "and no more is read");
    let key = format!("Message-ID: <{}.vigie@example.org>", message.id);
    {
        let (taken, refused) = (all(&server.taken), all(&server.refused));
        assert_eq!((taken.len(), refused.len()), (1, 1));
        assert!(refused[0].contains(&key) && refused[0].contains("image/jpeg"));
        assert!(taken[0].contains(&key) && !taken[0].contains("image/jpeg"));
        assert!(taken[0].contains("Without its 4 pictures"), "{}", taken[0]);
    }

    // It waited, and meanwhile somebody switched the recipient off.
    let config_off = config(port, "enabled = false\n");
    let failure = Mailer::new(&config_off, sources).send(message).await.unwrap_err();
    assert_eq!(
        (failure.how, failure.text.as_str()),
        (How::Never, "owner is switched off")
    );
    assert_eq!(all(&server.taken).len(), 1);
}
