use jiff::Timestamp;

use super::Search;
use crate::error::ErrorKind;

#[test]
fn what_the_api_would_refuse_is_told_before() {
    let good = Search::new("film")
        .within(48.9, 2.3, 1000.0)
        .language("zh-Hans");
    assert!(good.check().is_ok());
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    for bad in [
        Search::new(" "),
        Search::new("film").region("us"),
        Search::new("film").language("english!"),
        Search::new("film").language(""),
        Search::new("film").max_pages(0),
        Search::new("film").max_videos(0),
        Search::new("film").within(91.0, 0.0, 1.0),
        Search::new("film").within(0.0, 0.0, 1001.0),
        Search::new("film").within(f64::NAN, 0.0, 1.0),
        Search::new("film")
            .published_after(time("2026-01-02T00:00:00Z"))
            .published_before(time("2026-01-01T00:00:00Z")),
    ] {
        assert_eq!(
            bad.check().unwrap_err().kind(),
            ErrorKind::Config,
            "{bad:?}"
        );
    }
    assert!(Search::new("").channel("UC1").check().is_ok());
}

#[test]
fn how_much_is_taken_makes_no_other_question() {
    let one = Search::new("film").max_pages(1).max_videos(7);
    assert_eq!(one.label(), Search::new("film").overlap_hours(1).label());
    assert_ne!(one.label(), Search::new("film").region("US").label());
}
