// The browser of the tests: the system's Chromium, and contexts that fail a test on anything a page complains about.

import { accessSync } from "node:fs";
import { chromium } from "playwright-core";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((file) => {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
});

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? executablePath,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
