use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::*;

/// A server that answers one request at a time after `time`, and stalls once for `stall` at its tenth request.
fn server(status: &'static str, time: Duration, stall: Duration) -> std::io::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = format!("http://{}/orders?page=7", listener.local_addr()?);
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let served = Arc::new(Mutex::new(0u32));
            while let Ok((mut socket, _)) = listener.accept().await {
                let served = served.clone();
                tokio::spawn(async move {
                    let mut buffer = [0u8; 4096];
                    while socket.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {
                        let mut served = served.lock().await;
                        *served += 1;
                        tokio::time::sleep(if *served == 10 { stall } else { time }).await;
                        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
                        let _ = socket.write_all(answer.as_bytes()).await;
                    }
                });
            }
        });
    });
    Ok(address)
}

fn load(address: &str, rate: u64, duration: Duration) -> Result<Offer, Problem> {
    Ok(Offer {
        targets: vec![Target::parse(address, &[])?],
        rate_milli: rate * 1_000,
        duration,
        warm_up: Duration::ZERO,
        connections: 8,
        timeout: Duration::from_secs(2),
    })
}

#[test]
fn a_stall_counts_for_all_requests_that_were_due_meanwhile() -> Result<(), Box<dyn std::error::Error>> {
    let address = server("200 OK", Duration::from_millis(1), Duration::from_millis(600))?;
    let run = offer(&load(&address, 100, Duration::from_secs(2))?, "1".to_owned())?;
    let sample = &run.samples["GET /orders"];
    assert_eq!((sample.requests, sample.errors), (200, Some(0)));
    let Latency::Histogram { histogram } = &sample.latency else { panic!("no durations") };
    assert!(histogram.percentile(50_000) < 100_000_000, "{histogram:?}");
    // 60 of 200 requests were due while nothing was answered; half of them waited more than 300 ms.
    let slow: u64 = histogram.counts().filter(|(ns, _)| *ns > 250_000_000).map(|(_, count)| count).sum();
    assert!((25..90).contains(&slow), "{slow}");
    Ok(())
}

#[test]
fn errors_are_counted_and_give_no_durations() -> Result<(), Box<dyn std::error::Error>> {
    let address = server("500 Oh", Duration::ZERO, Duration::ZERO)?;
    let run = offer(&load(&address, 50, Duration::from_millis(500))?, "1".to_owned())?;
    let sample = &run.samples["GET /orders"];
    assert_eq!((sample.requests, sample.errors), (25, Some(25)));
    assert!(sample.latency.is_unknown());
    Ok(())
}

#[test]
fn warm_up_is_sent_and_not_measured() -> Result<(), Box<dyn std::error::Error>> {
    let address = server("200 OK", Duration::ZERO, Duration::ZERO)?;
    let load =
        Offer { warm_up: Duration::from_millis(500), ..load(&address, 100, Duration::from_millis(300))? };
    assert_eq!(offer(&load, "1".to_owned())?.samples["GET /orders"].requests, 30);
    Ok(())
}

#[test]
fn a_server_that_never_answers_ends_with_the_time() -> Result<(), Box<dyn std::error::Error>> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}/", listener.local_addr()?);
    let mut load = load(&address, 200, Duration::from_millis(500))?;
    load.timeout = Duration::from_millis(300);
    let begun = std::time::Instant::now();
    let sample = offer(&load, "1".to_owned())?.samples.remove("GET /").unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!((sample.requests, sample.errors), (100, Some(100)));
    assert!(sample.value(&measurement::Metric::Percentile(50_000)) >= Some(299_000_000_000));
    Ok(())
}

#[test]
fn other_machines_must_be_named() {
    for here in ["http://localhost/", "http://127.0.0.1:1/a", "http://[::1]:80/", "POST https://localhost/a"]
    {
        assert!(Target::parse(here, &[]).is_ok(), "{here}");
    }
    for elsewhere in
        ["http://example.org/", "http://10.0.0.1/", "http://localhost.example.org/", "http://0.0.0.0/"]
    {
        assert!(matches!(Target::parse(elsewhere, &[]), Err(Problem::Elsewhere(_))), "{elsewhere}");
    }
    assert!(Target::parse("http://example.org/", &["example.org".to_owned()]).is_ok());
    for none in ["", "orders", "ftp://localhost/", "get http://localhost/", "http://"] {
        assert!(Target::parse(none, &[]).is_err(), "{none}");
    }
    assert!(matches!(Target::parse("http://a:b@localhost/", &[]), Err(Problem::Credentials)));
}

#[test]
fn values_of_queries_and_headers_are_not_shown() -> Result<(), Problem> {
    let target =
        Target::parse("http://localhost/orders?token=s3cret&page=2", &[])?.header("X-Key: s3cret")?;
    assert_eq!(target.shown(), "GET http://localhost/orders?token=…&page=…");
    assert!(!format!("{target:?}").contains("X-Key: s3cret"));
    let refused = Target::parse("http://localhost/", &[])?.header("no header s3cret");
    assert!(!refused.unwrap_err().to_string().contains("s3cret"));
    Ok(())
}

#[test]
fn bounds_are_named() -> Result<(), Problem> {
    let good = load("http://localhost/", 10, Duration::from_secs(1))?;
    let bad = [
        Offer { rate_milli: 0, ..good.clone() },
        Offer { duration: Duration::ZERO, ..good.clone() },
        Offer { duration: Duration::from_secs(9_999), ..good.clone() },
        Offer { connections: 0, ..good.clone() },
        Offer { targets: Vec::new(), ..good.clone() },
    ];
    assert!(good.check().is_ok());
    assert!(bad.iter().all(|offer| offer.check().is_err()));
    Ok(())
}
