//! Binds a plot to an element of the page: loads the chart library after the first paint, draws once, then updates.

use std::cell::RefCell;

use js_sys::{Array, Function, Promise, Reflect};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlScriptElement, ResizeObserver};

use super::consumption::{Options, Palette, consumption};
use super::plot::{INKS, Ink, Plot};
use crate::components::theme::Theme;

/// Keeps the element `id` showing `plot` until the current owner is cleaned up. `drawn` turns true with the first
/// drawing, and stays false when the library cannot be had.
pub fn keep(id: &'static str, plot: Memo<Plot>, drawn: RwSignal<bool>) {
    let theme = expect_context::<Theme>();
    let library = RwSignal::new(false);
    let drawing = StoredValue::new_local(None::<Drawing>);
    Effect::new(move || {
        request_animation_frame(move || {
            spawn_local(async move {
                let loaded = load().await.is_ok();
                library.try_set(loaded);
            });
        });
    });
    Effect::new(move || {
        theme.version.track();
        if library.get() {
            plot.with(|plot| drawing.update_value(|drawing| draw(drawing, id, plot)));
            drawn.set(drawing.with_value(Option::is_some));
        }
    });
    on_cleanup(move || drawing.set_value(None));
}

/// A drawn chart; its library's part is taken down when it is dropped.
struct Drawing {
    chart: Instance,
    /// The series it was drawn with. An update can change their values but not take one away.
    names: Vec<String>,
    observer: ResizeObserver,
    _resized: Closure<dyn Fn()>,
}

impl Drop for Drawing {
    fn drop(&mut self) {
        self.observer.disconnect();
        self.chart.call("dispose", &[]);
    }
}

fn draw(drawing: &mut Option<Drawing>, id: &str, plot: &Plot) {
    let Some(element) = document().get_element_by_id(id) else { return };
    let Some(palette) = palette(&element) else { return };
    let options = consumption(plot, &palette, prefers_stillness());
    let names: Vec<_> = plot.series.iter().map(|one| one.name.clone()).collect();
    match drawing {
        Some(drawing) if drawing.names == names => drawing.chart.show(&options),
        _ => {
            *drawing = None;
            *drawing = Drawing::of(&options, names, &element);
        }
    }
}

impl Drawing {
    fn of(options: &Options, names: Vec<String>, element: &Element) -> Option<Self> {
        let chart = Instance::on(element)?;
        chart.show(options);
        let resize = chart.clone();
        let resized = Closure::<dyn Fn()>::new(move || resize.call("resize", &[]));
        let observer = ResizeObserver::new(resized.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Self { chart, names, observer, _resized: resized })
    }
}

/// An ECharts instance. Called by name: charming's own binding takes whole [`charming::Chart`]s only, and can't dispose.
#[derive(Clone)]
struct Instance(JsValue);

impl Instance {
    /// `echarts.init`
    fn on(element: &Element) -> Option<Self> {
        let library = Reflect::get(&window(), &"echarts".into()).ok()?;
        call(&library, "init", &[element.into()]).map(Self)
    }

    fn show(&self, options: &Options) {
        if let Ok(options) = serde_wasm_bindgen::to_value(options) {
            self.call("setOption", &[options]);
        }
    }

    fn call(&self, method: &str, args: &[JsValue]) {
        call(&self.0, method, args);
    }
}

/// `None` when there is no such method, or it throws.
fn call(on: &JsValue, method: &str, args: &[JsValue]) -> Option<JsValue> {
    let function: Function = Reflect::get(on, &method.into()).ok()?.dyn_into().ok()?;
    function.apply(on, &args.iter().collect::<Array>()).ok()
}

/// The tokens as the browser has resolved them for the theme in force.
fn palette(element: &Element) -> Option<Palette> {
    let style = window().get_computed_style(element).ok().flatten()?;
    let token =
        |name: &str| style.get_property_value(name).map(|value| value.trim().to_owned()).unwrap_or_default();
    Some(Palette {
        series: std::array::from_fn::<_, INKS, _>(|index| token(&Ink::Series(index).token())),
        rest: token(&Ink::Rest.token()),
        surface: token("--surface"),
        line: token("--line"),
        ink: token("--ink-3"),
        font: token("--font"),
    })
}

fn prefers_stillness() -> bool {
    let query = window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
    query.is_some_and(|query| query.matches())
}

thread_local! {
    /// The library is asked for once per page; pages opened later share the answer.
    static LIBRARY: RefCell<Option<Promise>> = const { RefCell::new(None) };
}

/// Adds the script whose path the document's body names, and waits for it.
async fn load() -> Result<(), JsValue> {
    let promise = LIBRARY.with_borrow_mut(|library| library.get_or_insert_with(request).clone());
    JsFuture::from(promise).await.map(drop)
}

fn request() -> Promise {
    Promise::new(&mut |resolve, reject| {
        let added = add_script(&resolve, &reject);
        if added.is_none() {
            reject.call0(&JsValue::UNDEFINED).ok();
        }
    })
}

fn add_script(loaded: &Function, failed: &Function) -> Option<()> {
    let path = document().body()?.get_attribute("data-charts")?;
    let script: HtmlScriptElement = document().create_element("script").ok()?.dyn_into().ok()?;
    script.set_src(&path);
    script.set_onload(Some(loaded));
    script.set_onerror(Some(failed));
    document().head()?.append_child(&script).ok().map(drop)
}
