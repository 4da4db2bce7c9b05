// An element with its properties and what is in it; text is always text.
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// A button that acts at its second press, and says at the first, by `sure`, that it asks whether that is meant.
export function twice(button, sure, act) {
  let text = "";
  const calm = () => {
    if (text) button.textContent = text;
    text = "";
  };
  button.addEventListener("blur", calm);
  button.addEventListener("click", () => {
    if (text) {
      calm();
      act();
    } else {
      text = button.textContent;
      button.textContent = sure();
    }
  });
  return button;
}

// Why a file, or a part of it, was not read: in the page's language where that is known, and as its reader says it.
export function why(kind, reason) {
  const told = make("p", { className: "hint", lang: "en", textContent: reason });
  return kind ? [make("p", { textContent: kind }), told] : [told];
}
