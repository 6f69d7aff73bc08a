//! https: who is trusted, and what a stream without its end means.

use super::*;
use crate::certs::Certs;

/// Python's server over TLS, which tells its port.
const SERVER: &str = "
import http.server, ssl, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/down':
            self.send_response(302); self.send_header('Location', 'http://127.0.0.1:1/'); self.end_headers()
            return
        body = self.path.encode()
        self.send_response(200)
        if self.path != '/close':
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
class S(http.server.HTTPServer):
    def shutdown_request(self, request):
        # With TLS's own end only where it is asked for.
        try:
            if sys.argv[3] == 'ends': request.unwrap()
        except OSError: pass
        self.close_request(request)
server = S(('127.0.0.1', 0), H)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
context.set_alpn_protocols(['http/1.1'])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
";

fn server(certs: &Certs, end: &str) -> (run::Running, String) {
    let pair = certs.good();
    let mut server = Run::program("python3", &["-c", SERVER, &pair.cert, &pair.key, end]).start();
    let port = server.read_line();
    (server, format!("https://127.0.0.1:{port}"))
}

#[test]
fn a_server_is_trusted_by_its_authority_or_its_key_and_not_otherwise() {
    if !run::have("python3") {
        return;
    }
    let certs = Certs::new();
    let (_server, url) = server(&certs, "ends");
    fetch(&format!("{url}/x"), &["--with", &format!("ca={}", certs.ca)]).expect(0, "/x");
    let refused = fetch(&format!("{url}/x"), &[]);
    assert_eq!(refused.code, 6, "{refused}");
    // What the refusal says is what can be pasted.
    let pin =
        refused.stderr.split("--with ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let pin = pin.unwrap_or_else(|| panic!("{refused}"));
    fetch(&format!("{url}/y"), &["--with", pin]).expect(0, "/y");
    let shown = fetch(&format!("{url}/y"), &["--with", pin, "--show"]);
    assert!(shown.stderr.contains("TLS "), "{shown}");
}

#[test]
fn nobody_is_led_from_https_to_http() {
    if !run::have("python3") {
        return;
    }
    let certs = Certs::new();
    let (_server, url) = server(&certs, "ends");
    let led = fetch(&format!("{url}/down"), &["--with", &format!("ca={}", certs.ca)]);
    assert_eq!(led.code, 6, "{led}");
    assert!(led.stderr.contains("from https to http://127.0.0.1:1/"), "{led}");
}

#[test]
fn a_stream_that_ends_without_tls_s_own_end_is_cut_where_nothing_else_ends_it() {
    if !run::have("python3") {
        return;
    }
    let certs = Certs::new();
    let ca = format!("ca={}", certs.ca);
    for (end, path, code) in [("ends", "/close", 0), ("cuts", "/close", 7), ("cuts", "/length", 0)]
    {
        let (_server, url) = server(&certs, end);
        let finished = fetch(&format!("{url}{path}"), &["--with", &ca]);
        assert_eq!((finished.code, finished.text().as_str()), (code, path), "{end}: {finished}");
    }
}
