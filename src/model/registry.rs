use std::any::{TypeId, type_name};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::file::Contents;
use super::{Facts, Model, Pipeline, read};
use crate::error::{Error, ErrorKind, Result, listed};
use crate::estimator::{
    BoxPredict, ConstantModel, ForestClassifierModel, ForestModel, GaussianNBModel, LinearModel,
    LogisticModel, MostFrequentModel, NeighborsClassifierModel, NeighborsModel, Predict,
};
use crate::transform::encode::{OneHotEncoding, OrdinalEncoding, TargetEncoding};
use crate::transform::impute::{Imputation, MissingIndicator};
use crate::transform::outlier::{Log1p, OutlierFiltering, Winsorization};
use crate::transform::scale::{
    MaxAbsScaling, MinMaxScaling, Normalizer, RobustScaling, StandardScaling,
};
use crate::transform::{
    Apply, Artifact, BoxApply, BoxInvert, Cast, DropColumns, Extract, Invert, Rename, Saved,
    Select, WithColumns,
};

/// A model that was read without its flow; each part knows its type at run time only.
pub type BoxModel = Model<Vec<BoxApply>, Vec<BoxInvert>, BoxPredict>;

/// The fitted steps of a model that was read without its flow.
pub type BoxPipeline = Pipeline<Vec<BoxApply>, Vec<BoxInvert>>;

/// Reads model files without the flow that they were saved from.
///
/// It maps the [`KIND`](Artifact::KIND) of each part of a file to the type that reads it. A new one
/// knows all kinds of this crate; steps and models of one's own join it:
///
/// | method | reads | type |
/// |---|---|---|
/// | [`step`](Self::step) | a step on features | `Apply` |
/// | [`target_step`](Self::target_step) | a step on features or on the target | `Invert` |
/// | [`predictor`](Self::predictor) | the model | `Predict` |
///
/// [`WithColumns`] holds code, which is never read from a file: a model with it is read by the flow
/// that has it, [`Flow::load`](crate::Flow::load).
///
/// To register a type twice changes nothing. Two types of one kind would read each other's files,
/// so every load of such a registry is an error.
///
/// # Examples
///
/// ```
/// use floe::Registry;
/// use floe::estimator::LinearModel;
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["x" => [0.0, 1.0, 2.0], "y" => [1.0, 3.0, 5.0]]?;
/// let model = floe::from_train(InMemory::new(rows))
///     .then(MinMaxScaler::new(["x"]))
///     .learn(LinearRegression::new(["x"], "y"))
///     .fit()?;
/// let path = std::env::temp_dir().join(format!("floe-registry-{}.json", std::process::id()));
/// model.save(&path)?;
///
/// let loaded = Registry::new().load(&path)?;
/// let new = loaded.predict(df!["x" => [3.0]]?.lazy())?.collect()?;
/// assert!((new.column("prediction")?.f64()?.get(0).unwrap() - 7.0).abs() < 1e-12);
/// let line = loaded.predictor().downcast_ref::<LinearModel>().unwrap();
/// assert_eq!(line.features(), ["x"]);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a registry does nothing until it loads a file"]
pub struct Registry {
    steps: Kinds<BoxApply>,
    target_steps: Kinds<BoxInvert>,
    predictors: Kinds<BoxPredict>,
}

impl Registry {
    /// A registry of all kinds of this crate.
    pub fn new() -> Self {
        let mut registry = Self {
            steps: Kinds::default(),
            target_steps: Kinds::default(),
            predictors: Kinds::default(),
        };
        registry.steps.add::<WithColumns>(|_| Err(code()));
        registry
            .step::<Cast>()
            .step::<DropColumns>()
            .step::<Extract>()
            .step::<Imputation>()
            .step::<MissingIndicator>()
            .step::<Normalizer>()
            .step::<OneHotEncoding>()
            .step::<OrdinalEncoding>()
            .step::<Rename>()
            .step::<Select>()
            .step::<TargetEncoding>()
            .step::<Winsorization>()
            .target_step::<Log1p>()
            .target_step::<MaxAbsScaling>()
            .target_step::<MinMaxScaling>()
            .target_step::<OutlierFiltering>()
            .target_step::<RobustScaling>()
            .target_step::<StandardScaling>()
            .predictor::<ConstantModel>()
            .predictor::<ForestClassifierModel>()
            .predictor::<ForestModel>()
            .predictor::<GaussianNBModel>()
            .predictor::<LinearModel>()
            .predictor::<LogisticModel>()
            .predictor::<MostFrequentModel>()
            .predictor::<NeighborsClassifierModel>()
            .predictor::<NeighborsModel>()
    }

    /// Adds a fitted step. One that can be undone is better added by
    /// [`target_step`](Self::target_step), which lets it stand on the target too.
    pub fn step<A: Apply + Artifact + 'static>(mut self) -> Self {
        self.steps
            .add::<A>(|saved| Ok(BoxApply::new(saved.read::<A>()?)));
        self
    }

    /// Adds a fitted step that can be undone, for features and for the target.
    pub fn target_step<A: Invert + Artifact + 'static>(mut self) -> Self {
        self.target_steps
            .add::<A>(|saved| Ok(BoxInvert::new(saved.read::<A>()?)));
        self.step::<A>()
    }

    /// Adds a fitted model.
    pub fn predictor<M: Predict + Artifact + 'static>(mut self) -> Self {
        self.predictors
            .add::<M>(|saved| Ok(BoxPredict::new(saved.read::<M>()?)));
        self
    }

    /// Reads a model back. It predicts the same bits as the one that was saved, and saving it again
    /// writes the same contents.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] naming what is wrong: the file is cut, edited or of another version, or
    /// holds no model, a kind that this registry does not know, or code. [`ErrorKind::Config`] when
    /// two types of one kind are registered.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<BoxModel> {
        let path = path.as_ref();
        self.check()?;
        let contents = read(path)?;
        let predictor = contents.predictor.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Model,
                format!("`{}`: it holds steps and no model", path.display()),
            )
            .with_help("read the steps alone by `Registry::load_pipeline`")
        })?;
        let place = Place {
            file: path,
            part: Part::Model,
        };
        let predictor = self.predictors.read(predictor, &place)?;
        let pipeline = self.pipeline(path, &contents)?;
        Ok(Model {
            pipeline,
            predictor,
            facts: Facts {
                split: contents.split,
                tags: contents.tags,
                metrics: contents.metrics,
                weight: contents.weight,
            },
        })
    }

    /// Reads the fitted steps of a file back, of one that holds steps alone or a whole model.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_pipeline(&self, path: impl AsRef<Path>) -> Result<BoxPipeline> {
        let path = path.as_ref();
        self.check()?;
        self.pipeline(path, &read(path)?)
    }

    fn pipeline(&self, file: &Path, contents: &Contents) -> Result<BoxPipeline> {
        let steps = (1..).zip(&contents.steps).map(|(number, saved)| {
            let part = Part::Step(number);
            self.steps.read(saved, &Place { file, part })
        });
        let target_steps = (1..).zip(&contents.target_steps).map(|(number, saved)| {
            let part = Part::TargetStep(number);
            // A step that is known and cannot be undone is told apart from an unknown one.
            if self.steps.knows(saved) && !self.target_steps.knows(saved) {
                return Err(not_invertible(saved, file));
            }
            self.target_steps.read(saved, &Place { file, part })
        });
        Ok(Pipeline {
            steps: steps.collect::<Result<_>>()?,
            target_steps: target_steps.collect::<Result<_>>()?,
            target: contents.target.as_str().into(),
            inputs: contents.inputs.clone(),
        })
    }

    /// Refuses two types of one kind.
    fn check(&self) -> Result<()> {
        self.steps.check()?;
        self.target_steps.check()?;
        self.predictors.check()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("steps", &self.steps.names())
            .field("target_steps", &self.target_steps.names())
            .field("predictors", &self.predictors.names())
            .finish()
    }
}

/// How the kinds of one sort of part are read.
#[derive(Clone)]
struct Kinds<B> {
    readers: BTreeMap<&'static str, Reader<B>>,
    /// The kind, the type that has it and the type that claims it too.
    clash: Option<[&'static str; 3]>,
}

#[derive(Clone)]
struct Reader<B> {
    of: TypeId,
    name: &'static str,
    read: fn(&Saved) -> Result<B>,
}

impl<B> Default for Kinds<B> {
    fn default() -> Self {
        Self {
            readers: BTreeMap::new(),
            clash: None,
        }
    }
}

impl<B> Kinds<B> {
    fn add<A: Artifact + 'static>(&mut self, read: fn(&Saved) -> Result<B>) {
        let reader = Reader {
            of: TypeId::of::<A>(),
            name: type_name::<A>(),
            read,
        };
        match self.readers.get(A::KIND) {
            Some(known) if known.of == reader.of => {}
            Some(known) => self.clash = Some([A::KIND, known.name, reader.name]),
            None => drop(self.readers.insert(A::KIND, reader)),
        }
    }

    fn check(&self) -> Result<()> {
        let Some([kind, known, other]) = self.clash else {
            return Ok(());
        };
        let message =
            format!("two types are registered for the kind `{kind}`: `{known}`, `{other}`");
        Err(Error::new(ErrorKind::Config, message)
            .with_help("give one of them another `Artifact::KIND`"))
    }

    fn names(&self) -> Vec<&'static str> {
        self.readers.keys().copied().collect()
    }

    fn knows(&self, saved: &Saved) -> bool {
        self.readers.contains_key(saved.kind())
    }

    fn read(&self, saved: &Saved, place: &Place<'_>) -> Result<B> {
        let Some(reader) = self.readers.get(saved.kind()) else {
            let (kind, method) = (saved.kind(), place.part.method());
            let message = format!(
                "`{}`: nothing here reads the kind `{kind}` of {:?}; known are {}",
                place.file.display(),
                place.part,
                listed(self.names())
            );
            let help = format!(
                "add its type to the registry: `.{method}::<..>()`, see `Registry::{method}`"
            );
            return Err(Error::new(ErrorKind::Model, message).with_help(help));
        };
        (reader.read)(saved).map_err(|error| error.at(&place.part))
    }
}

/// Where a part stands in a file.
struct Place<'a> {
    file: &'a Path,
    part: Part,
}

enum Part {
    Step(usize),
    TargetStep(usize),
    Model,
}

impl Part {
    /// The method that adds a type for such a part.
    fn method(&self) -> &'static str {
        match self {
            Self::Step(_) => "step",
            Self::TargetStep(_) => "target_step",
            Self::Model => "predictor",
        }
    }
}

// The label of the stage in messages.
impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(number) => write!(f, "step {number}"),
            Self::TargetStep(number) => write!(f, "step {number} on the target"),
            Self::Model => f.write_str("the model"),
        }
    }
}

fn code() -> Error {
    let message = format!(
        "`{}` holds code, which is never read from a file",
        WithColumns::KIND
    );
    Error::new(ErrorKind::Model, message)
        .with_help("load it with the flow that has the expressions: `flow.load(path)`")
}

fn not_invertible(saved: &Saved, file: &Path) -> Error {
    let message = format!(
        "`{}`: `{}` stands on the target, and it is registered as a step that cannot be undone",
        file.display(),
        saved.kind()
    );
    Error::new(ErrorKind::Model, message)
        .with_help("add its type by `Registry::target_step`, which takes what is `Invert`")
}
