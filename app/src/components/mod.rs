//! Pieces of pages. Each says what it shows; where the numbers come from is the page's business.

pub mod activity;
pub mod books;
pub mod calculator;
pub mod cards;
pub mod chart;
pub mod copy;
pub mod dynamic;
pub mod filters;
pub mod first_steps;
pub mod form;
pub mod frame;
pub mod grants;
pub mod holds;
pub mod loading;
pub mod navigation;
pub mod problem;
pub mod public;
pub mod query_form;
pub mod rows;
pub mod served;
pub mod standing;
pub mod theme;
pub mod verify;
