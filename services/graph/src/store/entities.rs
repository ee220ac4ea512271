//! The tables as sea-orm sees them.

/// What one person has set towards another.
pub mod relation {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "relation")]
    pub struct Model {
        /// Whose side it is.
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: Uuid,
        /// Towards whom.
        #[sea_orm(primary_key, auto_increment = false)]
        pub peer_id: Uuid,
        /// The follow, if any.
        pub follow_id: Option<Uuid>,
        /// Since when, in Unix milliseconds.
        pub followed_at_ms: Option<i64>,
        /// The block, if any.
        pub block_id: Option<Uuid>,
        /// Since when, in Unix milliseconds.
        pub blocked_at_ms: Option<i64>,
        /// Never falls.
        pub epoch: i64,
    }

    /// None: rows refer to nothing.
    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A follow, under whom it follows.
pub mod follower {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "follower")]
    pub struct Model {
        /// Who is followed.
        #[sea_orm(primary_key, auto_increment = false)]
        pub followee_id: Uuid,
        /// Who follows.
        #[sea_orm(primary_key, auto_increment = false)]
        pub follower_id: Uuid,
        /// The follow, as in the follower's own row.
        pub follow_id: Uuid,
        /// Since when, in Unix milliseconds.
        pub followed_at_ms: i64,
    }

    /// None: rows refer to nothing.
    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Someone who follows back, under whom they are a friend of.
pub mod friend {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "friend")]
    pub struct Model {
        /// Whose friend it is.
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: Uuid,
        /// Who.
        #[sea_orm(primary_key, auto_increment = false)]
        pub peer_id: Uuid,
        /// The owner's follow, as in their own row.
        pub follow_id: Uuid,
        /// Since when the owner follows, in Unix milliseconds.
        pub followed_at_ms: i64,
    }

    /// None: rows refer to nothing.
    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// How often a person has changed something.
pub mod policy_version {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "policy_version")]
    pub struct Model {
        /// Who.
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        /// Never falls.
        pub version: i64,
    }

    /// None: rows refer to nothing.
    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Whether a person is gone to others.
pub mod gone {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "gone")]
    pub struct Model {
        /// Who.
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        /// Whether they are.
        pub gone: bool,
        /// Identity's version that said so; never falls.
        pub version: i64,
    }

    /// None: rows refer to nothing.
    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
