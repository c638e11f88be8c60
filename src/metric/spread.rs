use super::Metrics;

/// One metric over several folds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MetricSpread {
    /// Its name, such as `r2`.
    pub name: String,
    /// The mean over the folds in which it is defined.
    pub mean: f64,
    /// The standard deviation over those folds, with `ddof` 0.
    pub std: f64,
    /// In how many folds it is defined.
    pub folds: usize,
}

impl MetricSpread {
    /// A metric over the folds; none where no fold defines it.
    pub(crate) fn of(name: &str, folds: &[Metrics]) -> Option<Self> {
        let values: Vec<f64> = folds.iter().filter_map(|fold| fold.get(name)).collect();
        if values.is_empty() {
            return None;
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self {
            name: name.to_owned(),
            mean,
            std: (squares / count).sqrt(),
            folds: values.len(),
        })
    }

    /// Every metric that some fold defines, in the order of the metrics. A fold that did not learn a
    /// class may have others than the rest.
    pub(crate) fn all(folds: &[Metrics]) -> Vec<Self> {
        let mut names: Vec<&str> = Vec::new();
        for metric in folds.iter().flat_map(Metrics::iter) {
            if !names.contains(&metric.name.as_str()) {
                names.push(&metric.name);
            }
        }
        let names = names.into_iter();
        names.filter_map(|name| Self::of(name, folds)).collect()
    }
}
