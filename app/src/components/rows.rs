//! Tables put together from cells of one type each, however different their content: a table whose cells are typed one
//! by one brings its own copy of the code that hydrates it.
//!
//! The roles are said aloud because a table that is laid out as a list on a phone loses its own.

use leptos::prelude::*;

/// `heads`: the names of the columns, and their class.
pub fn table(class: &'static str, heads: &[(&'static str, &'static str)], rows: Vec<AnyView>) -> AnyView {
    let head = |(name, class): &(&'static str, &'static str)| {
        view! {
            <th scope="col" role="columnheader" class=*class>
                {*name}
            </th>
        }
    };
    view! {
        <table class=format!("rows {class}") role="table">
            <thead role="rowgroup">
                <tr role="row">{heads.iter().map(head).collect_view()}</tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
    .into_any()
}

pub fn row(class: &'static str, cells: Vec<AnyView>) -> AnyView {
    view! {
        <tr role="row" class=class>
            {cells}
        </tr>
    }
    .into_any()
}

/// `title` says more than the cell has room for; it may be empty.
pub fn cell(class: &'static str, title: String, content: AnyView) -> AnyView {
    view! {
        <td role="cell" class=class title=title>
            {content}
        </td>
    }
    .into_any()
}

/// A cell of plain text.
pub fn word(class: &'static str, text: String) -> AnyView {
    cell(class, String::new(), text.into_any())
}
