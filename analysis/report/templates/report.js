// What the page can do beyond showing itself: read values off a figure, and copy. Without it nothing is missing that
// is not in a table, too.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  document.documentElement.classList.add("scripted");

  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  };
  const draw = (name, attributes) => {
    const element = document.createElementNS(SVG, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };
  const shown = (value, percent, digits) => {
    if (value === null) return "–";
    const size = Math.abs(value);
    const text = percent ? `${(100 * value).toPrecision(3)}\u00a0%`
      : size && (size < 1e-3 || size >= 10 ** digits) ? String(Number(value.toPrecision(digits)))
      : value.toPrecision(digits);
    return text.replace("-", "−");
  };
  const pixel = ([low, high, start, end, log], value) =>
    log ? start + (Math.log(value / low) / Math.log(high / low)) * (end - start)
        : start + ((value - low) / (high - low)) * (end - start);

  function readable(source, number) {
    const data = JSON.parse(source.textContent);
    const figure = source.parentElement;
    const frame = make("div", "reading");
    const label = make("label", "", "");
    const name = make("span", "", data.label);
    const place = make("output", "");
    const slider = make("input");
    const list = make("ul");
    slider.type = "range";
    slider.id = `reading-${number}`;
    slider.max = data.x.length - 1;
    slider.value = data.start;
    label.htmlFor = slider.id;
    place.htmlFor = slider.id;
    label.append(name, place);
    const values = data.series.map((series) => {
      const line = make("li");
      const key = draw("svg", { viewBox: "0 0 36 14", class: "key", "aria-hidden": "true" });
      key.append(draw("path", { d: "M0 7H36", class: `line ${series.kind}` }));
      const value = make("b");
      line.append(key, make("span", "", series.label), value);
      list.append(line);
      return value;
    });
    frame.append(label, slider, list);
    figure.insertBefore(frame, figure.querySelector("figcaption"));

    const panels = data.panels.map((panel) => {
      const svg = document.getElementById(panel.id);
      const group = draw("g", { "clip-path": `url(#${panel.id}-frame)`, visibility: "hidden" });
      const line = group.appendChild(draw("path", { class: "reading-line" }));
      const dots = data.series.map((series) =>
        group.appendChild(draw("circle", { r: 4, class: `mark ${series.kind}` })));
      svg.append(group);
      svg.dataset.read = "";
      return { ...panel, svg, group, line, dots };
    });

    const show = (reveal) => {
      const at = Number(slider.value);
      const x = data.x[at];
      place.value = shown(x, data.percent[0], 5);
      const words = data.series.map((series, index) => {
        const text = shown(series.y[at], data.percent[1], 4);
        values[index].textContent = text;
        return `${series.label} ${text}`;
      });
      slider.setAttribute("aria-valuetext", `${place.value}: ${words.join("; ")}`);
      for (const panel of panels) {
        const across = pixel(panel.x, x);
        panel.line.setAttribute("d", `M${across} ${panel.y[2]}V${panel.y[3]}`);
        panel.dots.forEach((dot, index) => {
          const value = data.series[index].y[at];
          dot.setAttribute("visibility", value === null ? "hidden" : "inherit");
          if (value === null) return;
          dot.setAttribute("cx", across);
          dot.setAttribute("cy", pixel(panel.y, value));
        });
        if (reveal) panel.group.setAttribute("visibility", "visible");
      }
    };
    const nearest = (x) => {
      let best = 0;
      data.x.forEach((value, index) => {
        if (Math.abs(value - x) < Math.abs(data.x[best] - x)) best = index;
      });
      return best;
    };
    for (const panel of panels) {
      const follow = (event) => {
        const box = panel.svg.getBoundingClientRect();
        const across = ((event.clientX - box.left) / box.width) * panel.svg.viewBox.baseVal.width;
        const [low, high, start, end] = panel.x;
        slider.value = nearest(low + ((across - start) / (end - start)) * (high - low));
        show(true);
      };
      panel.svg.addEventListener("pointermove", follow);
      panel.svg.addEventListener("pointerdown", follow);
    }
    slider.addEventListener("input", () => show(true));
    slider.addEventListener("focus", () => show(true));
    show(false);
  }

  function copyable(block) {
    const what = block.dataset.copy;
    const button = make("button", "", `Copy ${what}`);
    const told = make("span", "note");
    told.setAttribute("role", "status");
    button.type = "button";
    button.addEventListener("click", async () => {
      const source = block.querySelector("code, p");
      try {
        await navigator.clipboard.writeText(source.textContent);
        told.textContent = " Copied.";
      } catch {
        const range = document.createRange();
        range.selectNodeContents(source);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        const done = document.execCommand && document.execCommand("copy");
        told.textContent = done ? " Copied." : " Selected: copy it with your keyboard.";
      }
    });
    block.prepend(button, told);
  }

  document.querySelectorAll("script[data-reading]").forEach(readable);
  document.querySelectorAll("[data-copy]").forEach(copyable);
})();
