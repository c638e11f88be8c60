//! The table and the chain: what is made of a passenger before a model sees it.

use std::path::Path;

use floe::Flow;
use floe::estimator::BoxEstimator;
use floe::flow::Unsplit;
use floe::learn::Plan;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::splitter::OneFold;
use serde::Serialize;

pub(crate) const TARGET: &str = "Survived";

/// The columns of numbers that models learn from.
const NUMBERS: [&str; 5] = ["Pclass", "Age", "SibSp", "Parch", "Fare"];

/// One way to do it, out of those that are compared.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Params {
    pub(crate) model: Kind,
    /// `C` of the logistic regression, the depth of a forest's trees, neighbours.
    pub(crate) setting: Option<f64>,
    pub(crate) age: Age,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    MostFrequent,
    NaiveBayes,
    Logistic,
    Neighbors,
    Forest,
}

/// What an unknown age is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Age {
    Median,
    MedianOfTitle,
}

impl Params {
    /// All that are compared.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::new(Kind::MostFrequent, None, Age::Median)];
        for age in [Age::Median, Age::MedianOfTitle] {
            all.push(Self::new(Kind::NaiveBayes, None, age));
            all.extend([0.1, 1.0, 10.0].map(|c| Self::new(Kind::Logistic, Some(c), age)));
            all.push(Self::new(Kind::Neighbors, Some(15.0), age));
            all.extend([5.0, 8.0].map(|depth| Self::new(Kind::Forest, Some(depth), age)));
        }
        all
    }

    pub(crate) const fn new(model: Kind, setting: Option<f64>, age: Age) -> Self {
        Self {
            model,
            setting,
            age,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the settings above are small"
    )]
    pub(crate) fn estimator(self) -> BoxEstimator {
        // Every column that the steps leave is a feature.
        let setting = self.setting.unwrap_or(1.0);
        match self.model {
            Kind::MostFrequent => BoxEstimator::new(MostFrequentClassifier::new(TARGET)),
            Kind::NaiveBayes => BoxEstimator::new(GaussianNB::new(all(), TARGET)),
            Kind::Logistic => BoxEstimator::new(LogisticRegression::new(all(), TARGET).c(setting)),
            Kind::Neighbors => BoxEstimator::new(
                KNeighborsClassifier::new(all(), TARGET).n_neighbors(setting as usize),
            ),
            Kind::Forest => BoxEstimator::new(
                RandomForestClassifier::new(all(), TARGET)
                    .n_estimators(100)
                    .max_depth(setting as usize)
                    .seed(7),
            ),
        }
    }

    fn imputer(self) -> Imputer {
        let imputer = Imputer::median(["Age"]);
        match self.age {
            Age::Median => imputer,
            Age::MedianOfTitle => imputer.by("Title"),
        }
    }

    /// The steps, all of which learn from the train rows only.
    pub(crate) fn steps(self) -> impl Plan + Clone {
        // "Braund, Mr. Owen Harris" -> "Mr"
        Extract::new("Name", "Title", r", ([^.]+)\.")
            .then(Extract::new("Cabin", "Deck", "^([A-Z])"))
            .then(DropColumns::new(["Name", "Ticket", "Cabin"]))
            .then(MissingIndicator::new(["Age"]))
            .then(self.imputer())
            .then(Winsorizer::new(["Fare"]).fence(Fence::quantiles(0.0, 0.99)))
            .then(StandardScaler::new(NUMBERS))
            .then(
                // Rare titles and decks share a column; a gap is a category of its own.
                OneHotEncoder::new(["Sex", "Embarked", "Title", "Deck"])
                    .min_frequency(10)
                    .unknown(Unknown::Other)
                    .drop_if_binary(),
            )
    }
}

/// The passengers of a file. `fold` numbers every fifth row alike; it splits and teaches nothing.
pub(crate) fn source(path: &Path) -> Flow<Unsplit<impl Source + Clone>> {
    floe::from(Csv::new(path).row_index("row"))
        .then(WithColumns::new([(col("row") % lit(5_u32)).alias("fold")]))
        .role("row", Role::Id)
        .role("fold", Role::Group)
        .role("PassengerId", Role::Id)
}

/// Keeps the rows 4, 9, 14, … for the end.
pub(crate) fn every_fifth() -> OneFold<PredefinedSplit> {
    PredefinedSplit::new(5, "fold").fold(4)
}
