//! The words that `search.list` knows.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $word:ident => $wire:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$note])* $word,)+
        }

        impl $name {
            pub(super) fn wire(self) -> &'static str {
                match self {
                    $(Self::$word => $wire,)+
                }
            }
        }
    };
}

words! {
    /// In which order hits come. Orders other than relevance may show fewer of them.
    #[derive(Default)]
    SearchOrder {
        /// What YouTube finds to fit best.
        #[default]
        Relevance => "relevance",
        /// The newest first; later runs ask for what is new only.
        Date => "date",
        /// By a score of YouTube's own, which is not the number of likes.
        Rating => "rating",
        /// The most watched first.
        ViewCount => "viewCount",
        /// By title.
        Title => "title",
    }
}

words! {
    /// Whether restricted content is left out.
    SafeSearch {
        /// Nothing is left out.
        None => "none",
        /// Some is left out.
        Moderate => "moderate",
        /// All of it is left out.
        Strict => "strict",
    }
}

words! {
    /// The state of a broadcast.
    EventType {
        /// Over.
        Completed => "completed",
        /// On air.
        Live => "live",
        /// Announced.
        Upcoming => "upcoming",
    }
}

words! {
    /// Whether a video has captions.
    Caption {
        /// It has.
        ClosedCaption => "closedCaption",
        /// It has not.
        None => "none",
    }
}

words! {
    /// The definition of a video.
    Definition {
        /// High.
        High => "high",
        /// Standard.
        Standard => "standard",
    }
}

words! {
    /// Whether a video is spatial.
    Dimension {
        /// Flat.
        TwoD => "2d",
        /// Spatial.
        ThreeD => "3d",
    }
}

words! {
    /// The length of a video.
    VideoDuration {
        /// Under 4 minutes, Shorts among them.
        Short => "short",
        /// 4 to 20 minutes.
        Medium => "medium",
        /// Over 20 minutes.
        Long => "long",
    }
}

words! {
    /// The licence of a video.
    License {
        /// Creative Commons with attribution.
        CreativeCommon => "creativeCommon",
        /// That of YouTube.
        YouTube => "youtube",
    }
}

words! {
    /// What a video is.
    VideoType {
        /// A film.
        Movie => "movie",
        /// An episode of a show.
        Episode => "episode",
    }
}
