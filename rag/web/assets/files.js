// Posting to our own addresses, and saving what comes back as a file.

// The response; null where the server cannot be reached, or refuses.
export async function post(page, path, data) {
  try {
    const response = await fetch(page.address(path), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ language: page.language, ...data }),
    });
    return response.ok ? response : null;
  } catch {
    return null;
  }
}

// Saves a response under the name that it gives; returns the name.
export async function save(response) {
  const encoded = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("Content-Disposition") ?? "");
  const name = encoded ? decodeURIComponent(encoded[1]) : "snoska";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // by then the browser has read it
  return name;
}
