// Pictures of every page, to be looked at: `npm run photos`, after `cargo xtask build`. No part of the tests.

import config from "../playwright.config";

export default { ...config, testDir: ".", testMatch: "photos.ts", outputDir: "../../test-results/photos-run", timeout: 120_000 };
