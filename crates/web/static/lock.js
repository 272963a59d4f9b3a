// The lock: after some minutes (20, unless the server says otherwise) in which nobody touched the page, it is closed.
// The clock is looked at again when the device wakes up, because timers sleep with it.

export function watch(minutes, lock) {
  const idle = minutes * 60 * 1000;
  let touched = Date.now();
  let timer = 0;
  let locked = false;

  const check = () => {
    clearTimeout(timer);
    if (locked) return;
    const left = touched + idle - Date.now();
    if (left > 0) {
      timer = setTimeout(check, left);
      return;
    }
    locked = true;
    lock();
  };
  const touch = () => {
    // What wakes the device up after the time is over must not count as use.
    if (Date.now() - touched >= idle) check();
    else touched = Date.now();
  };
  for (const kind of ["pointerdown", "pointermove", "keydown", "input", "scroll", "touchstart"]) {
    addEventListener(kind, touch, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", check);
  addEventListener("focus", check);
  check();
}
