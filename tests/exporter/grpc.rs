//! An exporter that speaks OTLP/gRPC by hand over HTTP/2.

use bytes::Bytes;
use h2::client::SendRequest;
use hyper::header::{HeaderMap, HeaderName};
use hyper::{Method, Request};

/// What a receiver answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: String,
    pub(crate) message: String,
    pub(crate) body: Vec<u8>,
}

/// Path, headers and body.
pub(crate) type Call<'c> = (&'c str, &'c [(&'c str, &'c str)], Vec<u8>);

/// The calls of one connection, all sent before the first is answered.
pub(crate) fn call(endpoint: &str, calls: &[Call<'_>]) -> Vec<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let address = endpoint.strip_prefix("http://").unwrap();
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut running = Vec::new();
        for (path, headers, body) in calls {
            let answer = one(sender.clone(), format!("{endpoint}{path}"), headers, body.clone());
            running.push(tokio::spawn(answer.await));
        }
        let mut answers = Vec::new();
        for answer in running {
            answers.push(answer.await.unwrap());
        }
        answers
    })
}

async fn one(
    sender: SendRequest<Bytes>,
    url: String,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> impl Future<Output = Answer> + use<> {
    let mut request = Request::builder().method(Method::POST).uri(url).header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).unwrap();
    let mut sender = sender.ready().await.unwrap();
    async move {
        let (response, mut stream) = sender.send_request(request, false).unwrap();
        stream.send_data(body.into(), true).unwrap();
        let (head, mut content) = response.await.unwrap().into_parts();
        let mut body = Vec::new();
        while let Some(data) = content.data().await {
            let data = data.unwrap();
            content.flow_control().release_capacity(data.len()).unwrap();
            body.extend_from_slice(&data);
        }
        let trailers = content.trailers().await.unwrap().unwrap_or(head.headers);
        let text = |name: &'static str| text(&trailers, &HeaderName::from_static(name));
        Answer { status: text("grpc-status"), message: text("grpc-message"), body }
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// A message behind its five bytes.
pub(crate) fn framed(compressed: bool, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[u8::from(compressed)][..], &length.to_be_bytes(), message].concat()
}
