// Logging out, where there is a password; to the login page, where the session has ended.

export async function install(page) {
  const button = page.find("#logout");
  button.addEventListener("click", async () => {
    await fetch(page.address("logout"), { method: "POST", redirect: "manual" });
    window.location.assign(page.address("login"));
  });
  page.listen("status", async (status) => {
    if (button.hidden || status.state !== "failed") return;
    const reply = await fetch(document.baseURI, { redirect: "manual" }).catch(() => null);
    if (reply?.type === "opaqueredirect") window.location.reload();
  });
  button.hidden = !(await page.call("access"))?.login;
}
