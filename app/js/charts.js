// The parts of ECharts that our charts use, and no others, as the global `echarts`; app/src/charts/mount.rs calls it.
// SVG is the only renderer, so it is the one that `init` takes without being told: crisp at every zoom, and
// readable by tests and screen readers.
import { init, use } from "echarts/core";
import { BarChart, LineChart } from "echarts/charts";
import {
  AriaComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
} from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

use([
  AriaComponent,
  BarChart,
  GridComponent,
  LegendComponent,
  LineChart,
  MarkLineComponent,
  SVGRenderer,
  TooltipComponent,
]);

globalThis.echarts = { init };
