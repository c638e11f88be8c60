//! Every public type can be shared between threads, logged, and, where it is a value, cloned.
//! A line that does not hold does not compile.

use std::fmt::Debug;

use floe::estimator::{
    BoxPredict, ConstantModel, Descent, ElasticNet, FitReport, Lasso, LinearModel,
    LinearRegression, MeanRegressor, MedianRegressor, MostFrequentClassifier, MostFrequentModel,
    RankPolicy, Ridge, Training,
};
use floe::estimator::{
    DecisionTreeRegressor, ForestClassifierModel, ForestModel, KNeighborsClassifier,
    KNeighborsRegressor, MaxFeatures, NeighborWeights, NeighborsClassifierModel, NeighborsModel,
    RandomForestClassifier, RandomForestRegressor, Tree,
};
use floe::flow::{Divided, Explain, Flow, Holdout, Parts, Run, Taught, Unsplit};
use floe::http::{Client, ClientBuilder, Reply, Request, Retries, Verdict};
use floe::learn::{
    Answers, CancelToken, Learned, LeastSquares, LeastSquaresSolution, Level, Mean, Need, Quantile,
    Scan, ScanLog, Statistic, Value, Walk,
};
use floe::metric::{
    ClassificationMetrics, Confusion, Metric, MetricSpread, Metrics, RegressionMetrics, Scoring,
};
use floe::model::{BoxModel, BoxPipeline, Model, Pipeline, Registry};
use floe::source::remote::json_api::{ApiColumn, ApiItem, Pager, Rule};
use floe::source::remote::landing::{Landed, LandingRun, Manifest, Purged, Skip};
use floe::source::remote::{JsonApi, Landing, Outcome, Table};
use floe::source::{Csv, FittedBeforeSplit, InMemory, Keep, NdJson, Outline, Parquet, Then};
use floe::splitter::{Assignment, Rows, TrainTestSplit};
use floe::tracker::{
    Artifact, Content, Dataset, Event, Git, JsonLinesTracker, LoggedModel, MemoryTracker,
    MlflowTracker, RunInfo, RunLog, Signature, SqliteTracker, Started, Status, Strict,
    Surroundings, SyncReport, What,
};
use floe::transform::impute::{FillValue, Imputation, Imputer, Integers, MissingIndicator, NanAs};
use floe::transform::scale::{
    Constant, Infinities, MaxAbsScaler, MaxAbsScaling, MinMaxScaler, MinMaxScaling, Nans, Norm,
    Normalizer, Nulls, OutputRange, Outside, RobustScaler, RobustScaling, StandardScaler,
    StandardScaling,
};
use floe::transform::{
    BoxApply, BoxInvert, BoxTransform, Cast, Chain, DropColumns, Extract, Identity, Rename, Saved,
    Select, WithColumns,
};
use floe::{Columns, Error, ErrorKind, Field, Frame, Nullable, Role, Schema, Test, Train};

fn shared<T: Send + Sync + Debug>() {}

fn value<T: Send + Sync + Debug + Clone>() {}

type Steps = Chain<WithColumns, StandardScaler>;
type Fitted = Chain<WithColumns, StandardScaling>;
type Split = Divided<Holdout<Csv, TrainTestSplit>, Steps, MinMaxScaler>;
type Whole = Taught<Holdout<Csv, TrainTestSplit>, Steps, MinMaxScaler, LinearRegression, ()>;

#[test]
fn public_types_are_shared_logged_and_cloned() {
    value::<Client>();
    value::<ClientBuilder>();
    value::<Reply>();
    value::<Request>();
    value::<Retries>();
    value::<Verdict>();
    value::<ApiColumn>();
    value::<ApiItem>();
    value::<JsonApi>();
    value::<Pager>();
    value::<Rule>();
    value::<Landed>();
    value::<Landing>();
    shared::<LandingRun>();
    value::<Manifest>();
    value::<Outcome>();
    value::<Purged>();
    value::<Skip>();
    value::<Table>();
    value::<Error>();
    value::<ErrorKind>();
    value::<Columns>();
    value::<Field>();
    value::<Nullable>();
    value::<Role>();
    value::<Schema>();
    value::<Frame<Train>>();
    value::<Frame<Test>>();

    value::<Csv>();
    value::<InMemory>();
    value::<NdJson>();
    value::<Parquet>();
    value::<Keep<Csv>>();
    value::<Then<Csv, WithColumns>>();
    value::<FittedBeforeSplit<Csv, MinMaxScaler>>();
    value::<Outline>();

    value::<TrainTestSplit>();
    value::<Assignment>();
    shared::<Rows<'_>>();

    value::<MinMaxScaler>();
    value::<MinMaxScaling>();
    value::<StandardScaler>();
    value::<StandardScaling>();
    value::<MaxAbsScaler>();
    value::<MaxAbsScaling>();
    value::<RobustScaler>();
    value::<RobustScaling>();
    value::<Normalizer>();
    value::<Norm>();
    value::<WithColumns>();
    value::<(Cast, DropColumns, Extract, Rename, Select)>();
    value::<Imputer>();
    value::<Imputation>();
    value::<MissingIndicator>();
    value::<(FillValue, Integers, NanAs)>();
    value::<Identity>();
    value::<Steps>();
    value::<Vec<BoxTransform>>();
    value::<BoxApply>();
    value::<BoxInvert>();
    value::<Saved>();
    value::<(Constant, Infinities, Nans, Nulls, Outside, OutputRange)>();

    value::<LinearRegression>();
    value::<Ridge>();
    value::<Lasso>();
    value::<ElasticNet>();
    value::<Descent>();
    value::<LinearModel>();
    value::<FitReport>();
    value::<RankPolicy>();
    value::<MeanRegressor>();
    value::<MedianRegressor>();
    value::<ConstantModel>();
    value::<(
        DecisionTreeRegressor,
        RandomForestRegressor,
        RandomForestClassifier,
    )>();
    value::<(ForestModel, ForestClassifierModel, Tree, MaxFeatures)>();
    value::<(KNeighborsRegressor, KNeighborsClassifier, NeighborWeights)>();
    value::<(NeighborsModel, NeighborsClassifierModel)>();
    value::<BoxPredict>();
    shared::<Training<'_>>();
}

#[test]
fn what_is_learned_measured_and_run_is_too() {
    value::<Need>();
    value::<Statistic>();
    value::<Learned>();
    value::<LeastSquares>();
    value::<LeastSquaresSolution>();
    value::<(Mean, Quantile, Value)>();
    value::<Answers>();
    value::<Level>();
    value::<CancelToken>();
    value::<Scan>();
    shared::<ScanLog>();
    shared::<Walk>();

    value::<Metric>();
    value::<Metrics>();
    value::<RegressionMetrics>();
    value::<ClassificationMetrics>();
    value::<Confusion>();
    value::<MetricSpread>();
    value::<Scoring>();

    value::<MemoryTracker>();
    shared::<JsonLinesTracker>();
    shared::<Strict<JsonLinesTracker>>();
    value::<Event>();
    value::<Status>();

    value::<Flow<Unsplit<Csv>>>();
    value::<Flow<Split>>();
    value::<Flow<Whole>>();
    value::<Parts<Csv, InMemory>>();
    value::<Explain>();
    shared::<Run<Fitted, MinMaxScaling, LinearModel>>();
    value::<Pipeline<Fitted, MinMaxScaling>>();
    value::<Model<Fitted, MinMaxScaling, LinearModel>>();
    value::<Registry>();
    value::<(BoxModel, BoxPipeline)>();
}

#[test]
fn an_error_is_one_word_wide() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<floe::Result<()>>(), size_of::<usize>());
}

#[test]
fn classifiers_trees_and_neighbours_are_too() {
    value::<(MostFrequentClassifier, MostFrequentModel)>();
    value::<(
        DecisionTreeRegressor,
        RandomForestRegressor,
        RandomForestClassifier,
    )>();
    value::<(ForestModel, ForestClassifierModel, Tree, MaxFeatures)>();
    value::<(KNeighborsRegressor, KNeighborsClassifier, NeighborWeights)>();
    value::<(NeighborsModel, NeighborsClassifierModel)>();
}

#[test]
fn what_trackers_are_told_is_shared_logged_and_cloned() {
    value::<What>();
    value::<Started>();
    value::<RunInfo>();
    value::<Surroundings>();
    value::<Git>();
    value::<Dataset>();
    value::<Artifact>();
    value::<Content>();
    value::<LoggedModel>();
    value::<Signature>();
    value::<SqliteTracker>();
    value::<SyncReport>();
    shared::<MlflowTracker>();
    shared::<RunLog<'static>>();
}
