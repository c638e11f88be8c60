//! Everything that a flow is written with: `use floe::prelude::*;`.

pub use crate::estimator::{
    ClassWeight, DecisionTreeRegressor, ElasticNet, Estimator, GaussianNB, KNeighborsClassifier,
    KNeighborsRegressor, Lasso, LinearRegression, LogisticRegression, MaxFeatures, MeanRegressor,
    MedianRegressor, MostFrequentClassifier, NeighborWeights, Predict, RandomForestClassifier,
    RandomForestRegressor, RankPolicy, Ridge,
};
pub use crate::learn::{CancelToken, FitOn as _};
pub use crate::metric::{ClassificationMetrics, RegressionMetrics};
pub use crate::schema::{Columns, Role};
#[cfg(feature = "remote")]
pub use crate::source::remote::{JsonApi, Landing, YouTube};
pub use crate::source::{Csv, InMemory, NdJson, Parquet, Source};
pub use crate::splitter::{
    GroupKFold, KFold, PredefinedSplit, Repeated, Splitter, StratifiedKFold, TimeSeriesSplit,
    TrainTestSplit, TrainValidationTest,
};
pub use crate::tracker::{JsonLinesTracker, MemoryTracker, Strict, Tracker};
pub use crate::transform::encode::{
    NullCategory, NullCode, NullMean, OneHotEncoder, OrdinalEncoder, TargetEncoder, Unknown,
    UnknownCode, UnknownMean,
};
pub use crate::transform::impute::{
    EmptyAs, Imputer, Integers, MissingIndicator, NanAs, UnseenGroup,
};
pub use crate::transform::outlier::{Fence, Log1p, OutOfDomain, OutlierFilter, Winsorizer};
pub use crate::transform::scale::{
    Constant, Infinities, MaxAbsScaler, MinMaxScaler, Nans, Norm, Normalizer, Nulls, Outside,
    RobustScaler, StandardScaler,
};
pub use crate::transform::{
    Apply, Cast, DropColumns, Extract, Invert, Rename, RowWise, Select, Stateless, Transform,
    WithColumns,
};
