// What the page can do beyond showing itself: copy. Without it nothing is missing.
(() => {
  "use strict";

  function copyable(block) {
    const what = block.dataset.copy;
    const button = document.createElement("button");
    const told = document.createElement("span");
    button.textContent = `Copy ${what}`;
    told.className = "note";
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

  document.querySelectorAll("[data-copy]").forEach(copyable);
})();
