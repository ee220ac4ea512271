//! What a process tells of itself: logs, traces by OTLP, metrics for Prometheus.
//!
//! The process owns one [`Telemetry`] and hands out handles. Spans carry the names of RPCs,
//! statuses and request ids: never a token, a password, a name, a handle or a message.

mod context;
mod metrics;

use std::{io::IsTerminal as _, time::Duration};

use opentelemetry::{KeyValue, metrics::MeterProvider as _, trace::TracerProvider as _};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{
    Resource,
    metrics::SdkMeterProvider,
    trace::{Sampler, SdkTracerProvider},
};
use prometheus::{Encoder as _, Registry, TextEncoder};
use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, filter_fn},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub use context::{client_span, code_name, code_of, end_span, inject, server_span, traceparent};
pub use metrics::RpcMetrics;

use crate::config::{LogFormat, TelemetryConfig};

/// How long the last traces may take to leave at the end.
const FLUSH: Duration = Duration::from_secs(5);
/// Crates that the exporter itself is made of: traced, each export would cause another.
const QUIET: &[&str] = &[
    "h2",
    "hyper",
    "hyper_util",
    "tonic",
    "tower",
    "opentelemetry",
];

/// Below `info` only our own crates log, whatever the filter says: what others print there for
/// their own debugging may one day hold what clients sent.
const OTHERS_LEAST: Level = Level::INFO;

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("POSTERN_LOG is `{0}`: expected a filter such as `info,postern=debug`")]
    Filter(String),
    /// The address for traces cannot be used.
    #[error(
        "OTEL_EXPORTER_OTLP_ENDPOINT is `{0}`: expected an address such as \
             http://127.0.0.1:4317"
    )]
    Endpoint(String),
    /// Metrics cannot be registered.
    #[error("metrics cannot be set up: {0}")]
    Metrics(String),
}

/// The process's metrics and traces.
#[derive(Debug, Clone)]
pub struct Telemetry {
    registry: Registry,
    meters: SdkMeterProvider,
    traces: Option<SdkTracerProvider>,
    rpc: RpcMetrics,
}

impl Telemetry {
    /// Starts logging, tracing and measuring, for the whole process.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn start(config: &TelemetryConfig, service: &str) -> Result<Self, TelemetryError> {
        let filter = EnvFilter::try_new(&config.log)
            .map_err(|_| TelemetryError::Filter(config.log.clone()))?;
        let ours =
            filter_fn(|meta| *meta.level() <= OTHERS_LEAST || meta.target().starts_with("postern"))
                .with_max_level_hint(filter.max_level_hint().unwrap_or(LevelFilter::TRACE));
        let resource = Resource::builder()
            .with_service_name(service.to_owned())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let traces = match &config.otlp_endpoint {
            Some(endpoint) => Some(exporter(endpoint, config.trace_ratio, resource.clone())?),
            None => None,
        };
        let spans = traces.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("postern"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_target(false)
                .with_filter(filter_fn(|meta| {
                    // Spans, not events: an event's fields are for the logs of this machine.
                    let name = meta.target().split("::").next().unwrap_or_default();
                    meta.is_span() && !QUIET.contains(&name)
                }))
        });
        let logs = match config.log_format {
            LogFormat::Human => tracing_subscriber::fmt::layer()
                .with_ansi(std::io::stderr().is_terminal())
                .with_writer(std::io::stderr)
                .boxed(),
            LogFormat::Json => tracing_subscriber::fmt::layer()
                .json()
                .with_current_span(true)
                .with_span_list(false)
                .with_writer(std::io::stderr)
                .boxed(),
        };
        let installed = tracing_subscriber::registry()
            .with(spans)
            .with(logs.with_filter(filter.and(ours)))
            .try_init();
        if installed.is_err() {
            tracing::debug!("logging was set up before: its settings stay");
        }
        Self::build(traces, resource)
    }

    /// Metrics alone, for servers that a test runs inside its own process.
    ///
    /// # Errors
    /// When metrics cannot be registered.
    pub fn without_logs() -> Result<Self, TelemetryError> {
        Self::build(
            None,
            Resource::builder().with_service_name("postern").build(),
        )
    }

    fn build(
        traces: Option<SdkTracerProvider>,
        resource: Resource,
    ) -> Result<Self, TelemetryError> {
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .build()
            .map_err(|error| TelemetryError::Metrics(error.to_string()))?;
        let meters = SdkMeterProvider::builder()
            .with_reader(reader)
            .with_resource(resource)
            .build();
        let rpc = RpcMetrics::new(&meters.meter("postern"));
        Ok(Self {
            registry,
            meters,
            traces,
            rpc,
        })
    }

    /// Where calls are counted.
    #[must_use]
    pub fn rpc(&self) -> RpcMetrics {
        self.rpc.clone()
    }

    /// Where a service makes instruments of its own.
    #[must_use]
    pub fn meter(&self) -> opentelemetry::metrics::Meter {
        self.meters.meter("postern")
    }

    /// Everything measured so far, in the text format of Prometheus.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::warn!(%error, "metrics could not be written");
        }
        String::from_utf8(text).unwrap_or_default()
    }

    /// Sends what is left to send. The exporter needs the runtime while this waits, so it must be
    /// called from a thread that may block.
    pub fn stop(self) {
        if let Some(traces) = self.traces
            && let Err(error) = traces.shutdown_with_timeout(FLUSH)
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
        if let Err(error) = self.meters.shutdown_with_timeout(FLUSH) {
            tracing::debug!(%error, "the meters did not stop cleanly");
        }
    }
}

fn exporter(
    endpoint: &str,
    ratio: f64,
    resource: Resource,
) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .map_err(|_| TelemetryError::Endpoint(endpoint.to_owned()))?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            ratio,
        ))))
        .with_resource(resource)
        .build())
}
