// Putting a text on the clipboard, in one form or several, by media type; tells whether it is there.
// Browsers offer `navigator.clipboard` only to this machine and over HTTPS.
export async function copy(forms) {
  if (navigator.clipboard?.write && window.ClipboardItem) {
    try {
      const blobs = Object.entries(forms).map(([type, form]) => [type, new Blob([form], { type })]);
      await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
      return true;
    } catch {
      // not allowed here: the older way may be
    }
  }
  const put = (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    for (const [type, form] of Object.entries(forms)) event.clipboardData.setData(type, form);
  };
  document.addEventListener("copy", put, { capture: true, once: true });
  const copied = document.execCommand("copy");
  document.removeEventListener("copy", put, { capture: true });
  return copied;
}
