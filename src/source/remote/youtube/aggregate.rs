use polars::prelude::{
    DataType, Expr, LazyFrame, QuantileMethod, SortMultipleOptions, col, len, lit,
};

/// How the likes of many comments become one number.
///
/// A handful of comments has most of the likes, so that a sum tells mostly of one lucky joke; the
/// later ones of this list tell of the others too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LikeScore {
    /// The likes of all comments together.
    #[default]
    Sum,
    /// The mean, over the videos, of the likes of all comments of a video: a video with many
    /// comments counts no more than another.
    PerVideo,
    /// Σ likes² / Σ likes: how many likes the comment has that a like belongs to, on the average.
    LikeWeighted,
    /// The mean of the 99 % of comments with the fewest likes.
    TrimmedMean,
    /// The median, which no outlier moves. It is often 0.
    Median,
}

/// One number for each group of comments, as a lazy query over the table `comments`.
///
/// The result has the columns of `by`, then `comments` (`UInt64`, how many there are), `fetched_at`
/// (the first of the group) and `likes` (`Float64`; null where there is no comment with a count),
/// in the order of `fetched_at`. By `run_id` it is a time series with one row a run; by nothing it
/// has one row.
///
/// What counts as the comments of a run is up to the rows: a run with
/// [`full_sweep`](super::YouTube::full_sweep) has all of them, another one those that were new or
/// had changed. The newest state of all is in [`Landing::latest`](super::super::landing::Landing::latest).
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::source::remote::youtube::{LikeScore, like_score};
///
/// let comments = df![
///     "run_id" => ["one", "one", "two"],
///     "video_id" => ["a", "b", "a"],
///     "fetched_at" => [1i64, 1, 2],
///     "like_count" => [3u32, 5, 9],
/// ]?;
/// let sums = like_score(comments.lazy(), LikeScore::Sum, &["run_id"]).collect()?;
/// let likes: Vec<_> = sums.column("likes")?.f64()?.iter().flatten().collect();
/// assert_eq!(likes, [8.0, 9.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn like_score(comments: LazyFrame, score: LikeScore, by: &[&str]) -> LazyFrame {
    let likes = || col("like_count").cast(DataType::UInt64);
    let float = |likes: Expr| likes.cast(DataType::Float64);
    // A sum of nothing would be a zero, where nothing is known.
    let counted = || len().cast(DataType::UInt64).alias("comments");
    let first = || col("fetched_at").min();
    let comments = comments.filter(col("like_count").is_not_null());
    let known = if score == LikeScore::PerVideo {
        let mut videos: Vec<Expr> = by.iter().map(|name| col(*name)).collect();
        if !by.contains(&"video_id") {
            videos.push(col("video_id"));
        }
        let sums =
            comments
                .group_by(videos)
                .agg([counted(), first(), likes().sum().alias("likes")]);
        let of_videos = [
            col("comments").sum(),
            first(),
            float(col("likes")).mean().alias("likes"),
        ];
        grouped(sums, by, of_videos)
    } else {
        let value = match score {
            LikeScore::LikeWeighted => {
                let squares = (float(likes()) * float(likes())).sum();
                squares / float(likes().sum())
            }
            LikeScore::TrimmedMean => {
                let most = float(likes()).quantile(lit(0.99), QuantileMethod::Lower);
                float(likes()).filter(float(likes()).lt_eq(most)).mean()
            }
            LikeScore::Median => float(likes()).median(),
            LikeScore::Sum | LikeScore::PerVideo => float(likes().sum()),
        };
        grouped(comments, by, [counted(), first(), value.alias("likes")])
    };
    known.sort(["fetched_at"], SortMultipleOptions::default())
}

fn grouped(frame: LazyFrame, by: &[&str], values: [Expr; 3]) -> LazyFrame {
    if by.is_empty() {
        return frame.select(values);
    }
    let keys: Vec<Expr> = by.iter().map(|name| col(*name)).collect();
    frame.group_by_stable(keys).agg(values)
}
