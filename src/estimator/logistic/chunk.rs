use super::tiles::{Quad, WIDE};

/// Rows that are summed in one go; what the chunks give is added up in their order.
pub(super) const CHUNK: usize = 4096;

/// A run of rows: the features in panels, the class and the weight of each row.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) panels: Vec<Vec<Quad>>,
    pub(super) codes: Vec<u32>,
    /// Empty where every row weighs one.
    pub(super) weights: Vec<f64>,
}

impl Chunk {
    pub(super) fn new(features: usize) -> Self {
        Self {
            // Room for all rows at once: what grows step by step is copied, and takes more than it needs.
            panels: (0..features.div_ceil(WIDE))
                .map(|_| Vec::with_capacity(CHUNK))
                .collect(),
            codes: Vec::with_capacity(CHUNK),
            weights: Vec::new(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.codes.len()
    }

    /// Adds rows of one feature; what is behind the last feature of a panel stays zero.
    pub(super) fn extend(&mut self, feature: usize, values: impl Iterator<Item = f64>) {
        let panel = &mut self.panels[feature / WIDE];
        let (from, lane) = (self.codes.len(), feature % WIDE);
        if lane == 0 {
            panel.extend(values.map(|value| [value, 0.0, 0.0, 0.0]));
            return;
        }
        for (row, value) in panel[from..].iter_mut().zip(values) {
            row[lane] = value;
        }
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let panels: usize = self.panels.iter().map(Vec::len).sum();
        panels * size_of::<Quad>() + self.codes.len() * 4 + self.weights.len() * 8
    }
}
