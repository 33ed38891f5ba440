from nicegui import ui

ui.label("Hello NiceGUI!")
ui.button("Greet", on_click=lambda: ui.notify("Hello!"))

ui.run(title="Greeter")
