//! What a page shows that the server makes alone.

/// HTML of our own making. Optional in context: read before the page is rendered, as what stands around it is.
#[derive(Clone, Debug)]
pub struct Content(pub String);
