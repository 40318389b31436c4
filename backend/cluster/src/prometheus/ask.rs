//! One Prometheus and how it is asked: by whom it is reached, where it is, and as of which moment.

use super::answer::Gathered;
use super::query::{self, QUESTIONS, Question};
use super::vector::{self, Refusal, Sample, Series};
use super::{AT_ONCE, LIMIT, WANTED, WHAT};
use crate::Target;
use crate::find;
use crate::session::Session;
use crate::tunnel::{Answer, Place, Tunnel};
use futures::{StreamExt as _, stream};
use mesh::Problem;

/// Where it is, and as of when it answers.
#[derive(Clone)]
pub(crate) struct Prometheus {
    tunnel: Tunnel,
    place: Place,
    /// What it is called ("prometheus in istio-system").
    pub(super) name: String,
    /// Seconds since 1970; `None`: now.
    at: Option<i64>,
}

impl Prometheus {
    /// The one that was given, or the one of the cluster.
    pub(crate) fn of(session: &Session) -> Result<Self, Problem> {
        let tunnel = session.tunnel.clone();
        if let Some(here) = Self::given(&session.target, tunnel.clone()) {
            return Ok(here);
        }
        let (name, at) = find::service(&session.hub, &WANTED)?;
        Ok(Self { tunnel, place: Place::Pod(at), name, at: None })
    }

    /// The one that was given, if one was.
    pub(super) fn given(target: &Target, tunnel: Tunnel) -> Option<Self> {
        let place = Place::Url(target.prometheus.clone()?);
        Some(Self { tunnel, name: place.to_string(), place, at: None })
    }

    /// The same, as of a moment.
    pub(super) fn at(&self, secs: i64) -> Self {
        Self { at: Some(secs), ..self.clone() }
    }

    /// Path and query of a question.
    fn path(&self, promql: &str) -> String {
        let time = self.at.map(|secs| format!("&time={secs}")).unwrap_or_default();
        query::instant(promql) + &time
    }

    /// The time on its own clock, in seconds, or the moment that it is asked for; on our clock where something
    /// that is like Prometheus does not tell it.
    pub(super) async fn clock(&self) -> Result<f64, Problem> {
        if let Some(secs) = self.at {
            return Ok(secs as f64);
        }
        let told = self.first(query::CLOCK).await?.map(|sample| sample.value);
        Ok(told.unwrap_or_else(|| jiff::Timestamp::now().as_duration().as_secs_f64()))
    }

    /// The first series of the answer to an instant query that has one at most.
    pub(super) async fn first(&self, promql: &str) -> Result<Option<Sample>, Problem> {
        let mut first = None;
        self.each(promql, |sample| {
            first.get_or_insert(sample);
        })
        .await?;
        Ok(first)
    }

    /// The answer to an instant query, series by series.
    pub(super) async fn each(&self, promql: &str, take: impl FnMut(Sample)) -> Result<(), Problem> {
        let answer = self.tunnel.get_some(&self.place, &self.path(promql), WHAT, LIMIT).await?;
        self.read(&answer, |body| vector::each(body, take))?;
        Ok(())
    }

    /// Samples as they were scraped: the answer to a query that ends with a range.
    pub(super) async fn scraped(&self, promql: &str) -> Result<Vec<Series>, Problem> {
        let answer = self.tunnel.get(&self.place, &self.path(promql), WHAT).await?;
        Ok(self.read(&answer, vector::series)?.0)
    }

    /// The answer to a question over time, whose path says when.
    pub(super) async fn over_time(&self, path: &str) -> Result<(Vec<Series>, vector::Remarks), Problem> {
        let answer = self.tunnel.get(&self.place, path, WHAT).await?;
        self.read(&answer, vector::series)
    }

    /// All that the graph asks, over so many seconds. `told` hears of each answer when it is in.
    pub(super) async fn gather(
        &self,
        secs: u64,
        mut told: impl FnMut(Question, &Gathered),
    ) -> Result<Gathered, Problem> {
        let asked = QUESTIONS.map(|question| {
            let path = self.path(&question.promql(secs));
            async move {
                let answer = self.tunnel.get_some(&self.place, &path, WHAT, LIMIT).await?;
                Ok::<_, Problem>((question, answer))
            }
        });
        // As they come: one that waits for its turn would wait for ever behind one that has it.
        let mut answers = stream::iter(asked).buffer_unordered(AT_ONCE);
        let mut gathered = Gathered::default();
        while let Some(answer) = answers.next().await {
            let (question, answer) = answer?;
            let here = self.clone();
            let take_in = move || {
                here.read(&answer, |body| gathered.add(question, body))?;
                Ok::<Gathered, Problem>(gathered)
            };
            gathered = tokio::task::spawn_blocking(take_in)
                .await
                .map_err(|error| Problem::new(WHAT, error.to_string(), "Retry"))??;
            told(question, &gathered);
        }
        Ok(gathered)
    }

    fn read<T>(
        &self,
        answer: &Answer,
        parse: impl FnOnce(&[u8]) -> Result<T, Refusal>,
    ) -> Result<T, Problem> {
        super::read(answer, &self.place, parse)
    }
}
