//! Flags and configuration file: the same settings under the same names. A flag wins over the file.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::HeaderValue;
use ceknik_core::oprf::SERVER_BATCH_MOST;
use ceknik_terminal::Hidden;
use clap::Parser;
use ipnet::IpNet;
use serde::Deserialize;

use super::{Config, ConfigError, NetworkSettings, Origins, ServerSettings};
use crate::limit::{ProxyHeader, TrustedProxies};
use crate::secret_file::{Passphrase, SecretFileError};
use crate::telemetry::LogLevel;

/// Where metrics are served unless that is set.
const METRICS_LISTEN: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 9464);
/// Most bytes of a configuration file.
const MOST_FILE_BYTES: u64 = 256 * 1024;
/// A day, the longest of all time-outs.
const MOST_SECONDS: u64 = 86_400;

/// The online service of ceknik: serves published lists, and evaluates blinded identity numbers without seeing them.
///
/// Every setting can also stand in the TOML file named by --config, under the same name without the dashes before it
/// (`trusted-proxy = ["10.0.0.0/8"]`); a flag wins over the file. Nothing that identifies a client is logged or stored.
#[derive(Debug, Default, Parser, Deserialize)]
#[command(name = "ceknikd", version, max_term_width = 110)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// TOML file with settings.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// The publisher's public directory: policy, log, datasets. It is only read, and looked at twice a second: new epochs
    /// are verified and then served without a restart. Required.
    #[arg(long, value_name = "DIR", help_heading = "Directories")]
    pub public: Option<PathBuf>,

    /// Directory of the OPRF key files ID.G.key, each readable by its owner alone. With one of these keys and a leaked
    /// population register, everybody on the list can be found: guard them accordingly. Required.
    #[arg(long, value_name = "DIR", help_heading = "Directories")]
    pub keys: Option<PathBuf>,

    /// Directory that belongs to this process: what is left of the evaluation budgets, and compressed copies of filters. If
    /// it is lost, the budgets start full. Required.
    #[arg(long, value_name = "DIR", help_heading = "Directories")]
    pub state: Option<PathBuf>,

    /// Directory of the citizens' page, as its build wrote it: served at / and below, beside the service's own paths. It is
    /// read once, when the service starts: a new build is served after a restart. At most 16 MiB in 500 files [default: a
    /// page of text that says what this is]
    #[arg(long, value_name = "DIR", help_heading = "Directories")]
    pub page: Option<PathBuf>,

    /// Take the passphrase of encrypted key files from the first line of this file, readable by its owner alone.
    #[arg(long, value_name = "FILE", help_heading = "Keys", conflicts_with_all = ["passphrase_fd", "passphrase_prompt"])]
    pub passphrase_file: Option<PathBuf>,

    /// Take the passphrase of encrypted key files from this inherited file descriptor, best a pipe.
    #[arg(long, value_name = "NUMBER", help_heading = "Keys", conflicts_with = "passphrase_prompt")]
    #[serde(skip)]
    pub passphrase_fd: Option<u32>,

    /// Ask for the passphrase of encrypted key files on the terminal.
    #[arg(long, help_heading = "Keys")]
    #[serde(skip)]
    pub passphrase_prompt: bool,

    /// Address and port to serve on. Other than loopback only behind a proxy that speaks TLS [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Network")]
    pub listen: Option<SocketAddr>,

    /// Address and port of Prometheus metrics at /metrics, or "off". They name no client, but tell how many there are
    /// [default: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Network")]
    pub metrics_listen: Option<String>,

    /// Address or network of a proxy whose word on a client's address counts; can be repeated. Without it no header counts,
    /// and all clients of a proxy are limited as one network.
    #[arg(long, value_name = "NETWORK", help_heading = "Network")]
    pub trusted_proxy: Vec<String>,

    /// The header in which trusted proxies name the client. The proxy must set it itself, not pass it through
    /// [default: x-forwarded-for]
    #[arg(long, value_name = "HEADER", help_heading = "Network")]
    pub proxy_header: Option<ProxyHeader>,

    /// Origin of pages that may evaluate from a browser, such as `https://cek.example.org`; can be repeated. Everything else
    /// is open to all pages. This protects no secret: it keeps other pages from using up the budget [default: all origins]
    #[arg(long, value_name = "ORIGIN", help_heading = "Network")]
    pub allow_origin: Vec<String>,

    /// Send Strict-Transport-Security with this max-age. Only where the proxy before the service speaks TLS for good.
    #[arg(long, value_name = "SECONDS", help_heading = "Network")]
    pub hsts: Option<u32>,

    /// Elements that a client network may have evaluated at once, over all lists. A carrier's address is shared by hundreds
    /// of people; a household's check takes 1, 4 or 16 [default: 8192]
    #[arg(long, value_name = "ELEMENTS", help_heading = "Limits")]
    pub network_burst: Option<u32>,

    /// Elements that a client network gets back an hour [default: 14400]
    #[arg(long, value_name = "ELEMENTS", help_heading = "Limits")]
    pub network_per_hour: Option<u32>,

    /// Most that one client network gets of a list's published evaluations per day, in percent, but at least 64 elements a
    /// day. Lower slows down whoever copies the list from one place, and locks out users of crowded addresses. What a network
    /// has had is in memory alone: a restart gives each its share anew [default: 1]
    #[arg(long, value_name = "PERCENT", help_heading = "Limits")]
    pub network_share: Option<f64>,

    /// Leading bits of an IPv4 address that make a client network [default: 32]
    #[arg(long, value_name = "BITS", help_heading = "Limits")]
    pub ipv4_prefix: Option<u8>,

    /// Leading bits of an IPv6 address that make a client network [default: 56]
    #[arg(long, value_name = "BITS", help_heading = "Limits")]
    pub ipv6_prefix: Option<u8>,

    /// Client networks remembered, some 100 bytes of memory each; the least recent are forgotten [default: 262144]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub networks: Option<usize>,

    /// Connections at once; further ones are told to come back later. Raise the limit of open files with it
    /// [default: 4096]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub connections: Option<usize>,

    /// Connections at once of one client network; further ones are closed. Connections of a trusted proxy are not limited by
    /// this, since each may carry anybody's requests [default: 1024]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub network_connections: Option<usize>,

    /// Requests at once, evaluations not among them; further ones are told to come back later [default: 1024]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub requests: Option<usize>,

    /// Threads that evaluate [default: one for each core]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub threads: Option<NonZeroUsize>,

    /// Evaluations that may wait for a thread; further ones are told to come back later [default: 512]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub queue: Option<usize>,

    /// Elements of several callers that are evaluated under one proof when they wait at the same moment, 1 to 16; 1 gives
    /// every request a proof of its own, which costs several times as much under load [default: 16]
    #[arg(long, value_name = "ELEMENTS", help_heading = "Limits")]
    pub shared_proof: Option<usize>,

    /// Time for a request's head, also the time that an idle connection is kept [default: 15]
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    pub head_timeout: Option<u64>,

    /// Time for a request's body [default: 10]
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    pub body_timeout: Option<u64>,

    /// Time until an answer begins [default: 30]
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    pub request_timeout: Option<u64>,

    /// Time by which a client may be behind --write-rate in taking an answer; after that its connection is closed
    /// [default: 30]
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    pub write_timeout: Option<u64>,

    /// Bytes a second that a client must take of an answer while that waits for it, so that nobody holds a connection by
    /// taking a byte now and then. Far below what slow phones get [default: 1024]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    pub write_rate: Option<u32>,

    /// Time for requests to end after SIGTERM or SIGINT [default: 20]
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    pub shutdown_timeout: Option<u64>,

    /// How much is logged, as JSON lines on standard error. No level names a client or what it sent; requests are logged
    /// from debug on, by route [default: info]
    #[arg(long, value_name = "LEVEL", help_heading = "Logs")]
    pub log_level: Option<LogLevel>,
}

/// Fills what a flag left open from the file. Naming every field keeps a new one from being forgotten.
macro_rules! merge {
    ($flags:ident, $file:ident; options: $($option:ident)*; lists: $($list:ident)*; flags only: $($only:ident)*) => {{
        let Settings { $($option,)* $($list,)* $($only,)* } = $flags;
        Settings {
            $($option: $option.or($file.$option),)*
            $($list: if $list.is_empty() { $file.$list } else { $list },)*
            $($only,)*
        }
    }};
}

impl Settings {
    /// Reads the file that the flags name, if any, and fills in from it.
    ///
    /// # Errors
    /// [`ConfigError::File`], [`ConfigError::Syntax`].
    pub fn with_file(self) -> Result<Self, ConfigError> {
        let Some(path) = self.config.clone() else { return Ok(self) };
        let unreadable = |source| ConfigError::File { path: path.clone(), source };
        let bytes = std::fs::metadata(&path).map_err(unreadable)?.len();
        if bytes > MOST_FILE_BYTES {
            return Err(unreadable(std::io::ErrorKind::FileTooLarge.into()));
        }
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        let mut file = Self::from_toml(&text, &path)?;
        let flags = self;
        if flags.passphrase_fd.is_some() || flags.passphrase_prompt {
            file.passphrase_file = None;
        }
        Ok(merge!(flags, file;
            options: config public keys state page listen metrics_listen proxy_header hsts network_burst network_per_hour
                network_share ipv4_prefix ipv6_prefix networks connections network_connections requests threads queue shared_proof head_timeout body_timeout
                request_timeout write_timeout write_rate shutdown_timeout log_level passphrase_file;
            lists: trusted_proxy allow_origin;
            flags only: passphrase_fd passphrase_prompt))
    }

    /// Parses the text of a configuration file. Unknown names are refused.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`].
    pub fn from_toml(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::Syntax { path: path.to_owned(), message: error.to_string() })
    }

    /// Validates the settings and fetches the passphrase.
    ///
    /// # Errors
    /// [`ConfigError`]: the first setting that is not acceptable.
    pub fn validate(self) -> Result<Config, ConfigError> {
        let passphrase = self.passphrase()?;
        let directory = |setting, dir: Option<PathBuf>| dir.ok_or(ConfigError::Missing { setting });
        let defaults = Config::new(
            directory("public", self.public)?,
            directory("keys", self.keys)?,
            directory("state", self.state)?,
        );
        let (network, server) = (defaults.network, defaults.server);
        let trusted = self.trusted_proxy.iter().map(|text| proxy(text)).collect::<Option<Vec<IpNet>>>();
        Ok(Config {
            listen: self.listen.unwrap_or(defaults.listen),
            metrics_listen: metrics_listen(self.metrics_listen.as_deref())?,
            passphrase,
            origins: origins(&self.allow_origin)?,
            hsts_seconds: self.hsts,
            proxies: TrustedProxies {
                networks: trusted.ok_or(value("trusted-proxy", "an address or a network such as 10.0.0.0/8"))?,
                header: self.proxy_header.unwrap_or_default(),
            },
            network: NetworkSettings {
                burst: within(self.network_burst, network.burst, 16, u32::MAX)
                    .ok_or(value("network-burst", "at least 16, the largest request"))?,
                per_hour: within(self.network_per_hour, network.per_hour, 1, u32::MAX)
                    .ok_or(value("network-per-hour", "at least 1"))?,
                share_percent: within(self.network_share, network.share_percent, f64::MIN_POSITIVE, 100.0)
                    .ok_or(value("network-share", "over 0 and at most 100"))?,
                ipv4_prefix: within(self.ipv4_prefix, network.ipv4_prefix, 1, 32)
                    .ok_or(value("ipv4-prefix", "1 to 32"))?,
                ipv6_prefix: within(self.ipv6_prefix, network.ipv6_prefix, 1, 128)
                    .ok_or(value("ipv6-prefix", "1 to 128"))?,
                remembered: within(self.networks, network.remembered, 1024, 1 << 26)
                    .ok_or(value("networks", "1024 to 67108864"))?,
            },
            server: ServerSettings {
                connections: within(self.connections, server.connections, 1, 1 << 20)
                    .ok_or(value("connections", "1 to 1048576"))?,
                network_connections: within(self.network_connections, server.network_connections, 1, 1 << 20)
                    .ok_or(value("network-connections", "1 to 1048576"))?,
                requests: within(self.requests, server.requests, 1, 1 << 20)
                    .ok_or(value("requests", "1 to 1048576"))?,
                head_timeout: seconds("head-timeout", self.head_timeout, server.head_timeout)?,
                body_timeout: seconds("body-timeout", self.body_timeout, server.body_timeout)?,
                request_timeout: seconds("request-timeout", self.request_timeout, server.request_timeout)?,
                write_timeout: seconds("write-timeout", self.write_timeout, server.write_timeout)?,
                write_rate: within(self.write_rate, server.write_rate, 1, 1 << 20)
                    .ok_or(value("write-rate", "1 to 1048576 bytes a second"))?,
                shutdown_timeout: seconds("shutdown-timeout", self.shutdown_timeout, server.shutdown_timeout)?,
            },
            threads: self.threads,
            queue: within(self.queue, defaults.queue, 1, 1 << 20).ok_or(value("queue", "1 to 1048576"))?,
            shared_proof: within(self.shared_proof, defaults.shared_proof, 1, SERVER_BATCH_MOST)
                .ok_or(value("shared-proof", "1 to 16 elements"))?,
            log_level: self.log_level.unwrap_or_default(),
            public: defaults.public,
            keys: defaults.keys,
            state: defaults.state,
            page: self.page,
        })
    }

    fn passphrase(&self) -> Result<Option<Passphrase>, ConfigError> {
        if let Some(path) = &self.passphrase_file {
            let read = Passphrase::from_file(path);
            return read.map(Some).map_err(|source| ConfigError::Passphrase { setting: "passphrase-file", source });
        }
        if let Some(descriptor) = self.passphrase_fd {
            let read = Passphrase::from_descriptor(descriptor);
            return read.map(Some).map_err(|source| ConfigError::Passphrase { setting: "passphrase-fd", source });
        }
        if self.passphrase_prompt {
            let asked = Hidden::open().and_then(|mut terminal| terminal.line("Passphrase of the key files: "));
            let mut text = asked.map_err(|source| ConfigError::Prompt { source })?.unwrap_or_default();
            if text.is_empty() {
                let source = SecretFileError::NoPassphrase;
                return Err(ConfigError::Passphrase { setting: "passphrase-prompt", source });
            }
            return Ok(Some(Passphrase::new(std::mem::take(&mut *text))));
        }
        Ok(None)
    }
}

fn value(setting: &'static str, must: &'static str) -> ConfigError {
    ConfigError::Value { setting, must }
}

fn within<T: PartialOrd>(set: Option<T>, default: T, least: T, most: T) -> Option<T> {
    let value = set.unwrap_or(default);
    (least <= value && value <= most).then_some(value)
}

fn seconds(setting: &'static str, set: Option<u64>, default: Duration) -> Result<Duration, ConfigError> {
    let seconds = within(set, default.as_secs(), 1, MOST_SECONDS).ok_or(value(setting, "1 to 86400 seconds"))?;
    Ok(Duration::from_secs(seconds))
}

fn proxy(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::IpAddr| address.into()))
}

fn metrics_listen(text: Option<&str>) -> Result<Option<SocketAddr>, ConfigError> {
    match text {
        None => Ok(Some(METRICS_LISTEN.into())),
        Some("off") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| value("metrics-listen", "an address with a port, or \"off\"")),
    }
}

fn origins(texts: &[String]) -> Result<Origins, ConfigError> {
    if texts.is_empty() {
        return Ok(Origins::Any);
    }
    let origins = texts.iter().map(|text| origin(text)).collect::<Option<Vec<HeaderValue>>>();
    let must = "an origin such as https://cek.example.org, without a path";
    origins.map(Origins::These).ok_or(value("allow-origin", must))
}

/// As browsers write it: scheme, host in lower case, port unless it is the scheme's.
pub(crate) fn origin(text: &str) -> Option<HeaderValue> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:[]".contains(&byte);
    let default_port =
        (text.starts_with("https") && host.ends_with(":443")) || (text.starts_with("http:") && host.ends_with(":80"));
    (!host.is_empty() && host.bytes().all(good) && !default_port).then(|| HeaderValue::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn settings(flags: &[&str]) -> Settings {
        let directories = ["ceknikd", "--public", "p", "--keys", "k", "--state", "s"];
        Settings::try_parse_from(directories.iter().chain(flags)).unwrap()
    }

    fn refusal(flags: &[&str]) -> String {
        settings(flags).validate().unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_what_the_help_says() {
        let config = settings(&[]).validate().unwrap();
        let defaults = [
            ("listen", config.listen.to_string()),
            ("metrics-listen", config.metrics_listen.unwrap().to_string()),
            ("proxy-header", "x-forwarded-for".to_owned()),
            ("network-burst", config.network.burst.to_string()),
            ("network-per-hour", config.network.per_hour.to_string()),
            ("network-share", config.network.share_percent.to_string()),
            ("ipv4-prefix", config.network.ipv4_prefix.to_string()),
            ("ipv6-prefix", config.network.ipv6_prefix.to_string()),
            ("networks", config.network.remembered.to_string()),
            ("connections", config.server.connections.to_string()),
            ("network-connections", config.server.network_connections.to_string()),
            ("requests", config.server.requests.to_string()),
            ("queue", config.queue.to_string()),
            ("shared-proof", config.shared_proof.to_string()),
            ("head-timeout", config.server.head_timeout.as_secs().to_string()),
            ("body-timeout", config.server.body_timeout.as_secs().to_string()),
            ("request-timeout", config.server.request_timeout.as_secs().to_string()),
            ("write-timeout", config.server.write_timeout.as_secs().to_string()),
            ("write-rate", config.server.write_rate.to_string()),
            ("shutdown-timeout", config.server.shutdown_timeout.as_secs().to_string()),
            ("log-level", "info".to_owned()),
        ];
        assert_eq!((config.proxies.header, config.log_level), (ProxyHeader::XForwardedFor, LogLevel::Info));
        let command = Settings::command();
        for (name, value) in &defaults {
            let argument = command.get_arguments().find(|argument| argument.get_long() == Some(name)).unwrap();
            let help = argument.get_long_help().or(argument.get_help()).unwrap().to_string();
            assert!(help.contains(&format!("[default: {value}]")), "--{name}: {help}");
        }
        let told = command
            .get_arguments()
            .filter(|argument| argument.get_help().is_some_and(|help| help.to_string().contains("[default: ")));
        let words = ["page", "allow-origin", "threads"];
        assert_eq!(told.count(), defaults.len() + words.len());
    }

    #[test]
    fn the_file_knows_every_setting_and_no_other() {
        let text = r#"
            public = "/srv/ceknik/public"
            keys = "/etc/ceknik/keys"
            state = "/var/lib/ceknikd"
            page = "/srv/ceknik/page"
            passphrase-file = "/etc/ceknik/passphrase"
            listen = "[::1]:8081"
            metrics-listen = "off"
            trusted-proxy = ["10.0.0.0/8", "2001:db8::1"]
            proxy-header = "forwarded"
            allow-origin = ["https://cek.example.org"]
            hsts = 31536000
            network-burst = 100
            network-per-hour = 200
            network-share = 0.5
            ipv4-prefix = 24
            ipv6-prefix = 48
            networks = 2048
            connections = 10
            network-connections = 5
            requests = 11
            threads = 2
            queue = 12
            shared-proof = 4
            head-timeout = 1
            body-timeout = 2
            request-timeout = 3
            write-timeout = 4
            write-rate = 2048
            shutdown-timeout = 5
            log-level = "warn"
        "#;
        let file = Settings { passphrase_file: None, ..Settings::from_toml(text, Path::new("ceknikd.toml")).unwrap() };
        let config = file.validate().unwrap();
        assert_eq!(config.listen.to_string(), "[::1]:8081");
        assert_eq!(config.metrics_listen, None);
        assert_eq!(config.page.as_deref(), Some(Path::new("/srv/ceknik/page")));
        assert_eq!(config.proxies.networks.len(), 2);
        assert_eq!(config.network.share_percent, 0.5);
        assert_eq!(config.server.write_timeout, Duration::from_secs(4));
        assert_eq!((config.server.network_connections, config.server.write_rate), (5, 2048));
        // Every flag but those that make no sense in a file.
        let flags = Settings::command().get_arguments().filter(|argument| argument.get_long().is_some()).count();
        let only_flags = ["config", "passphrase-fd", "passphrase-prompt"];
        assert_eq!(text.matches(" = ").count(), flags - only_flags.len());

        for wrong in
            ["listn = \"[::1]:1\"", "config = \"x\"", "passphrase = \"x\"", "queue = \"many\"", "queue = 1\nqueue = 1"]
        {
            let error = Settings::from_toml(wrong, Path::new("ceknikd.toml")).unwrap_err().to_string();
            assert!(error.starts_with("ceknikd.toml: ") && error.contains("line"), "{error}");
        }
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ceknikd.toml");
        std::fs::write(
            &path,
            "queue = 1\nrequests = 2\npage = \"x\"\npublic = \"elsewhere\"\ntrusted-proxy = [\"::1\"]",
        )
        .unwrap();
        let flags = ["--config", path.to_str().unwrap(), "--queue", "3"];
        let config = settings(&flags).with_file().unwrap().validate().unwrap();
        assert_eq!((config.queue, config.server.requests), (3, 2));
        assert_eq!(config.page.as_deref(), Some(Path::new("x")));
        assert_eq!(config.public, Path::new("p"));
        assert_eq!(config.proxies.networks, ["::1/128".parse::<IpNet>().unwrap()]);
        let error = settings(&["--config", "/nowhere/x.toml"]).with_file().unwrap_err();
        assert!(error.to_string().starts_with("--config /nowhere/x.toml: cannot be read: "), "{error}");
    }

    #[test]
    fn values_out_of_bounds_are_refused_by_name() {
        for (flags, want) in [
            (&["--network-burst", "15"][..], "--network-burst must be at least 16, the largest request"),
            (&["--network-share", "0"], "--network-share must be over 0 and at most 100"),
            (&["--network-share", "nan"], "--network-share must be over 0 and at most 100"),
            (&["--ipv6-prefix", "129"], "--ipv6-prefix must be 1 to 128"),
            (&["--network-connections", "0"], "--network-connections must be 1 to 1048576"),
            (&["--write-rate", "0"], "--write-rate must be 1 to 1048576 bytes a second"),
            (&["--shared-proof", "0"], "--shared-proof must be 1 to 16 elements"),
            (&["--shared-proof", "17"], "--shared-proof must be 1 to 16 elements"),
            (&["--head-timeout", "0"], "--head-timeout must be 1 to 86400 seconds"),
            (&["--trusted-proxy", "10.0.0.0/33"], "--trusted-proxy must be an address or a network such as 10.0.0.0/8"),
            (&["--metrics-listen", "9464"], "--metrics-listen must be an address with a port, or \"off\""),
            (
                &["--allow-origin", "https://cek.example.org/"],
                "--allow-origin must be an origin such as https://cek.example.org, without a path",
            ),
            (
                &["--allow-origin", "https://cek.example.org:443"],
                "--allow-origin must be an origin such as https://cek.example.org, without a path",
            ),
        ] {
            assert_eq!(refusal(flags), want);
        }
        let error =
            Settings::try_parse_from(["ceknikd", "--public", "p", "--keys", "k"]).unwrap().validate().unwrap_err();
        assert_eq!(error.to_string(), "--state must be given");
    }

    #[test]
    fn no_secret_is_a_setting() {
        let command = Settings::command();
        for argument in command.get_arguments() {
            assert!(argument.get_long() != Some("passphrase"), "a passphrase must not stand among the arguments");
        }
    }
}
